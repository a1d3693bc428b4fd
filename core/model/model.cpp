#include <tacit/core/model/model.hpp>

#include <algorithm>
#include <cmath>

#include <tacit/core/linear/linear_solver.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/fields.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {

void Curvature::adjoint(In p, Out out_x, Out out_u) const {
  hessian(p, out_x);
  cross(p, out_u);
}

void Curvature::hessian_batch(InM p, OutM out) const {
  Vec column(p.rows()), product(p.rows());
  for (Index j = 0; j < p.cols(); ++j) {
    column = p.col(j);
    hessian(column, product);
    out.col(j) = product;
  }
}

bool Curvature::diagonal(Out) const { return false; }
bool Curvature::dense(OutM) const { return false; }

std::shared_ptr<const LinearOperator> Curvature::preconditioner(Index n) const {
  Vec d(n);
  if (!diagonal(d)) return nullptr;
  return std::make_shared<const DiagonalInverse>(d);
}

void Objective::adjoint(In x, In u, In p, Out out_x, Out out_u) const { linearize(x, u)->adjoint(p, out_x, out_u); }

void Objective::tangents(In x, In u, InM dx, InM du, Out g, OutM dg) const {
  FirstOrder at;
  const auto c = linearize(x, u, &at);
  g = at.gradient;
  c->hessian_batch(dx, dg);
  Vec w(outer_dim()), out(dg.rows());
  for (Index j = 0; j < dx.cols(); ++j) {
    if (du.size() > 0)
      w = du.col(j);
    else
      w = Vec::Unit(w.size(), j);
    c->cross_t(w, out);
    dg.col(j) += out;
  }
}

double Objective::gradient_scale(In u) const {
  Vec g(inner_dim());
  gradient(Vec::Zero(inner_dim()), u, g);
  return g.norm();
}

double cancellation(const Objective& f, In u) {
  const double terms = f.gradient_terms(u);
  return std::isfinite(terms) ? 4 * std::numeric_limits<double>::epsilon() * terms : 0;
}

void ConstantStart::point(In, Out x) const { x = x0_; }
void ConstantStart::jvp(In, InM, OutM dx) const { dx.setZero(); }

namespace {

double to_theta(Scale s, double u) {
  switch (s) {
    case Scale::linear:
      return u;
    case Scale::log:
      return std::log(u);
    case Scale::logit:
      return std::log(u) - std::log1p(-u);
  }
  return u;
}

double to_u(Scale s, double theta) {
  switch (s) {
    case Scale::linear:
      return theta;
    case Scale::log:
      return std::exp(theta);
    case Scale::logit:
      return 1 / (1 + std::exp(-theta));
  }
  return theta;
}

double slope_of(Scale s, double u) {
  switch (s) {
    case Scale::linear:
      return 1;
    case Scale::log:
      return u;
    case Scale::logit:
      return u * (1 - u);
  }
  return 1;
}

void check_block(const HyperBlock& b) {
  const bool ordered = b.lower <= b.upper && b.size >= 0;
  const bool in_domain = b.scale == Scale::linear || (b.lower > 0 && (b.scale == Scale::log || b.upper < 1));
  if (!ordered || !in_domain)
    throw UsageError("hyperparameter '" + b.name + "': the box [" + number_text(b.lower) + ", " + number_text(b.upper) +
                         "] does not fit its scale; a log scale needs 0 < lower <= upper, a logit scale also upper < 1",
                     "hyper." + b.name + ".range");
}

}  // namespace

HyperSpace::HyperSpace(std::vector<HyperBlock> blocks) : blocks_(std::move(blocks)) {
  Index total = 0;
  for (const auto& b : blocks_) {
    check_block(b);
    total += b.size;
  }
  lower_.resize(total);
  upper_.resize(total);
  scale_.reserve(static_cast<std::size_t>(total));
  Index at = 0;
  for (const auto& b : blocks_) {
    lower_.segment(at, b.size).setConstant(to_theta(b.scale, b.lower));
    upper_.segment(at, b.size).setConstant(to_theta(b.scale, b.upper));
    scale_.insert(scale_.end(), static_cast<std::size_t>(b.size), b.scale);
    at += b.size;
  }
}

void HyperSpace::to_model(In theta, Out u) const {
  for (Index i = 0; i < size(); ++i) u[i] = to_u(scale_[static_cast<std::size_t>(i)], theta[i]);
}

void HyperSpace::from_model(In u, Out theta) const {
  for (Index i = 0; i < size(); ++i) theta[i] = to_theta(scale_[static_cast<std::size_t>(i)], u[i]);
}

void HyperSpace::slope(In u, Out du) const {
  for (Index i = 0; i < size(); ++i) du[i] = slope_of(scale_[static_cast<std::size_t>(i)], u[i]);
}

void HyperSpace::pull_back(In theta, In grad_u, Out grad_theta) const {
  Vec u(size());
  to_model(theta, u);
  slope(u, grad_theta);
  grad_theta = grad_theta.cwiseProduct(grad_u);
}

void HyperSpace::project(Out theta) const { theta = theta.cwiseMax(lower_).cwiseMin(upper_); }

void HyperSpace::projected_gradient(In theta, In g, Out out) const {
  out = g.cwiseMax(theta - upper_).cwiseMin(theta - lower_);  // the definition without its cancellation
}

Vec Problem::cold_start(In u) const {
  Vec x = Vec::Zero(f->inner_dim());
  if (start) start->point(u, x);
  return x;
}

std::string Problem::check() const {
  if (!f) return "problem '" + name + "' has no inner objective";
  if (!l) return "problem '" + name + "' has no outer criterion";
  if (space.size() != f->outer_dim())
    return "problem '" + name + "': the hyperparameter space has " + std::to_string(space.size()) +
           " entries, the inner objective takes " + std::to_string(f->outer_dim());
  return {};
}

}  // namespace tacit::inline TACIT_ABI
