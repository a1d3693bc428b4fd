#include <tacit/core/model/model.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

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

bool Objective::penalty_diagonal(In, Out) const { return false; }

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

std::optional<std::array<double, 2>> Criterion::gradient_pair(In, In, In, OutM, OutM) const { return std::nullopt; }

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

constexpr double kInf = std::numeric_limits<double>::infinity();

// Where the numbers of a scale end, in u.
std::pair<double, double> domain_of(Scale s) { return {s == Scale::linear ? -kInf : 0.0, s == Scale::logit ? 1.0 : kInf}; }

// The size of a block with a shape.
void complete_shape(HyperBlock& b) {
  const auto refuse = [&](const std::string& what) {
    throw UsageError(UsageError::Kind::option, "hyperparameter '" + b.name + "': " + what, "hyper." + b.name);
  };
  if (b.size < 0 || b.rows < 0 || b.cols < 0) refuse("a size cannot be negative");
  if (b.rows == 0 && b.cols == 0) return;
  if (b.cols > 0 && b.rows > std::numeric_limits<Index>::max() / b.cols) refuse("rows * cols is too large for an index");
  const Index entries = b.rows * b.cols;
  if (b.size != 1 && b.size != entries)
    refuse("a block of " + std::to_string(b.rows) + " x " + std::to_string(b.cols) + " has " + std::to_string(entries) +
           " entries, its size says " + std::to_string(b.size));
  b.size = entries;
}

void check_block(const HyperBlock& b) {
  const bool ordered = b.lower <= b.upper;
  const bool above = b.scale == Scale::linear || b.lower > 0 || b.lower == -kInf;
  const bool below = b.scale != Scale::logit || b.upper < 1 || b.upper == kInf;
  const bool within = b.lower < kInf && b.upper > domain_of(b.scale).first;
  if (!ordered || !above || !below || !within)
    throw UsageError("hyperparameter '" + b.name + "': the box [" + number_text(b.lower) + ", " + number_text(b.upper) +
                         "] does not fit its scale; a log scale needs 0 < lower <= upper, a logit scale also upper < 1",
                     "hyper." + b.name + ".range");
}

void check_size(const char* what, Index got, Index wanted) {
  if (got != wanted)
    throw UsageError(std::string(what) + " has " + std::to_string(got) + " entries, the hyperparameters have " +
                     std::to_string(wanted));
}

// Of the entry where all blocks together have number i.
std::string entry_name(const std::vector<HyperBlock>& blocks, Index i) {
  for (const HyperBlock& b : blocks) {
    if (i < b.size) return "'" + b.name + "'" + (b.size > 1 ? ", entry " + std::to_string(i + 1) : "");
    i -= b.size;
  }
  return {};
}

void refuse_nan(const char* what, In v, const std::vector<HyperBlock>& blocks) {
  for (Index i = 0; i < v.size(); ++i) {
    if (std::isnan(v[i])) throw UsageError(std::string(what) + " of hyperparameter " + entry_name(blocks, i) + " is NaN");
  }
}

}  // namespace

HyperSpace::HyperSpace(std::vector<HyperBlock> blocks) : blocks_(std::move(blocks)) {
  Index total = 0;
  for (std::size_t k = 0; k < blocks_.size(); ++k) {
    complete_shape(blocks_[k]);
    check_block(blocks_[k]);
    total += blocks_[k].size;
    for (std::size_t before = 0; before < k; ++before) {
      if (blocks_[before].name == blocks_[k].name)
        throw UsageError(UsageError::Kind::option, "two blocks of hyperparameters have the name '" + blocks_[k].name + "'",
                         "hyper." + blocks_[k].name);
    }
  }
  lower_.resize(total);
  upper_.resize(total);
  scale_.reserve(static_cast<std::size_t>(total));
  Index at = 0;
  for (const auto& b : blocks_) {
    const auto [least, most] = domain_of(b.scale);
    lower_.segment(at, b.size).setConstant(to_theta(b.scale, std::max(b.lower, least)));
    upper_.segment(at, b.size).setConstant(to_theta(b.scale, std::min(b.upper, most)));
    scale_.insert(scale_.end(), static_cast<std::size_t>(b.size), b.scale);
    at += b.size;
  }
}

HyperSpace::Place HyperSpace::place(Index which, Index size) const {
  check_size("the vector whose block is asked for", size, this->size());
  if (which < 0 || which >= static_cast<Index>(blocks_.size()))
    throw UsageError("there is no block " + std::to_string(which) + " of hyperparameters: they have " +
                     std::to_string(blocks_.size()) + ", counted from 0");
  Index at = 0;
  for (Index k = 0; k < which; ++k) at += blocks_[static_cast<std::size_t>(k)].size;
  const HyperBlock& b = blocks_[static_cast<std::size_t>(which)];
  const bool column = b.rows == 0 && b.cols == 0;
  return {at, column ? b.size : b.rows, column ? 1 : b.cols};
}

HyperSpace::Place HyperSpace::place(std::string_view name, Index size) const {
  std::vector<std::string> known;
  for (const HyperBlock& b : blocks_) {
    if (b.name == name) return place(static_cast<Index>(known.size()), size);
    known.push_back(b.name);
  }
  throw UsageError(unknown_name("block of hyperparameters", name, known));
}

void HyperSpace::to_model(In theta, Out u) const {
  check_size("theta", theta.size(), size());
  check_size("the place for u", u.size(), size());
  refuse_nan("theta", theta, blocks_);
  for (Index i = 0; i < size(); ++i) u[i] = to_u(scale_[static_cast<std::size_t>(i)], theta[i]);
}

void HyperSpace::from_model(In u, Out theta) const {
  check_size("u", u.size(), size());
  check_size("the place for theta", theta.size(), size());
  refuse_nan("u", u, blocks_);
  for (Index i = 0; i < size(); ++i) {
    const Scale scale = scale_[static_cast<std::size_t>(i)];
    const auto [least, most] = domain_of(scale);
    if (u[i] < least || u[i] > most)
      throw UsageError("u of hyperparameter " + entry_name(blocks_, i) + " is " + number_text(u[i]) + ", which a " +
                       (scale == Scale::log ? "log" : "logit") + " scale does not have");
    theta[i] = to_theta(scale, u[i]);
  }
}

void HyperSpace::slope(In u, Out du) const {
  check_size("u", u.size(), size());
  check_size("the place for du/dtheta", du.size(), size());
  refuse_nan("u", u, blocks_);
  for (Index i = 0; i < size(); ++i) du[i] = slope_of(scale_[static_cast<std::size_t>(i)], u[i]);
}

void HyperSpace::pull_back(In theta, In grad_u, Out grad_theta) const {
  check_size("the gradient in u", grad_u.size(), size());
  Vec u(size());
  to_model(theta, u);
  slope(u, grad_theta);
  grad_theta = grad_theta.cwiseProduct(grad_u);
}

void HyperSpace::project(Out theta) const {
  check_size("theta", theta.size(), size());
  refuse_nan("theta", theta, blocks_);
  theta = theta.cwiseMax(lower_).cwiseMin(upper_);
}

void HyperSpace::projected_gradient(In theta, In g, Out out) const {
  check_size("theta", theta.size(), size());
  check_size("the gradient", g.size(), size());
  check_size("the place for the projected gradient", out.size(), size());
  refuse_nan("theta", theta, blocks_);
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
