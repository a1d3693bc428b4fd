#include <tacit/problems/models/tasks.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/models/losses.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// -1 and +1: the later of two classes is the positive one, of several the one that is named, against the rest.
CodedTarget code_two_classes(const Dataset& data, const std::optional<std::string>& wanted, const std::string& kind) {
  const auto& classes = data.classes;
  if (classes.size() < 2)
    throw UsageError("'" + kind + "' tells classes apart, and the target was read as numbers", "model.kind");
  auto positive = static_cast<std::ptrdiff_t>(classes.size()) - 1;
  if (wanted) {
    const auto found = std::find(classes.begin(), classes.end(), *wanted);
    if (found == classes.end()) throw UsageError(unknown_name("class", *wanted, classes), "model.positive");
    positive = found - classes.begin();
  } else if (classes.size() > 2) {
    constexpr std::size_t kShown = 10;
    const std::vector<std::string> some(classes.begin(),
                                        classes.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, classes.size())));
    throw UsageError("the target has " + std::to_string(classes.size()) + " classes (" + join(some) +
                         (classes.size() > kShown ? ", ..." : "") + "), '" + kind +
                         "' tells two apart; name one with model.positive=LABEL, it is then told from the rest",
                     "model.kind");
  }
  CodedTarget coded{data.y, {classes.size() > 2 ? "rest" : classes[positive == 0 ? 1 : 0]}};
  coded.labels.push_back(classes[static_cast<std::size_t>(positive)]);
  for (double& v : coded.y) v = static_cast<std::ptrdiff_t>(v) == positive ? 1 : -1;
  return coded;
}

/// What must be said beside a penalty of glmnet and of scikit-learn for the same fit.
std::string glmnet_note(const FittedPenalty& p) {
  return p.l2_of_mean.size() > 1 ? "alpha = 0, standardize = FALSE, lambda = their mean and penalty.factor in proportion"
                                 : "alpha = 0, standardize = FALSE";
}
std::string many_note(const FittedPenalty& p, const char* note) { return p.l2_of_mean.size() > 1 ? note : ""; }

class Ridge final : public ModelTask {
public:
  const ModelKind& kind() const override { return *find_model_kind("ridge"); }
  std::shared_ptr<const Loss> loss() const override { return std::make_shared<SquaredLoss>(); }
  CodedTarget code(const Dataset& data, const std::optional<std::string>&) const override {
    if (!data.classes.empty()) throw UsageError("'ridge' fits numbers, and the target was read as classes", "model.kind");
    return {data.y, {}};
  }
  Vec losses(In y, In z) const override { return squared_losses(y, z); }
  NamedValues metrics(In y, In z, In w) const override { return regression_metrics(y, z, w); }
  double best_constant(In y, In w) const override { return y.dot(w) / w.sum(); }
  std::string loss_text(const std::string& prediction) const override { return "(" + prediction + " - y_i)^2 / 2"; }
  Formula loss_formula(Formula p) const override {
    using namespace formula;
    return row({frac(number("1"), number("2")),
                sup(row({sign("("), std::move(p), sign("\xE2\x88\x92"), sub(name("y"), name("i")), sign(")")}), number("2"))});
  }
  std::string target_text() const override { return "the target"; }
  std::string caution() const override {
    return "the outer loss of ridge can have several minima; another hyper.l2.start may find another one";
  }
  // scikit-learn minimises sum s (y - p)^2 + alpha |w|^2; glmnet divides y by its standard deviation first.
  std::vector<ElsewhereLambda> elsewhere(const FittedPenalty& p) const override {
    return {{"scikit-learn Ridge", "alpha", p.weight_sum * p.l2_of_mean,
             many_note(p, "divide column j and its coefficient by sqrt(alpha_j), fit with alpha = 1")},
            {"glmnet gaussian", "lambda", p.sd_y * p.l2_of_mean, glmnet_note(p)}};
  }
};

class Logistic final : public ModelTask {
public:
  const ModelKind& kind() const override { return *find_model_kind("logistic"); }
  std::shared_ptr<const Loss> loss() const override { return std::make_shared<LogisticLoss>(); }
  CodedTarget code(const Dataset& data, const std::optional<std::string>& positive) const override {
    return code_two_classes(data, positive, kind().name);
  }
  Vec losses(In y, In z) const override { return logistic_losses(y, z); }
  NamedValues metrics(In y, In z, In w) const override { return binary_metrics(y, z, w); }
  double best_constant(In y, In w) const override {
    const double mean = y.dot(w) / w.sum();
    return std::log((1 + mean) / (1 - mean));
  }
  bool probabilities() const override { return true; }
  std::string loss_text(const std::string& prediction) const override { return "log(1 + exp(-y_i (" + prediction + ")))"; }
  Formula loss_formula(Formula p) const override {
    using namespace formula;
    return row({name("log"), sign("("), number("1"), sign("+"),
                sup(name("e"), row({sign("\xE2\x88\x92"), sub(name("y"), name("i")), sign("("), std::move(p), sign(")")})),
                sign(")")});
  }
  std::string target_text() const override {
    return "the class (\xE2\x88\x92"
           "1 or +1)";
  }
  // scikit-learn minimises |w|^2/2 + C sum s loss.
  std::vector<ElsewhereLambda> elsewhere(const FittedPenalty& p) const override {
    return {{"scikit-learn LogisticRegression", "C", (p.weight_sum * p.l2_of_mean).cwiseInverse(),
             many_note(p, "multiply column j and its coefficient by sqrt(C_j), fit with C = 1")},
            {"glmnet binomial", "lambda", p.l2_of_mean, glmnet_note(p)}};
  }
};

template <class T>
std::unique_ptr<ModelTask> made() {
  return std::make_unique<T>();
}

}  // namespace

const std::vector<HyperKind>& hyper_kinds() {
  static const std::vector<HyperKind> kinds = {{"l2", "penalty sum_j l2_j/2 w_j^2"}, {"l1", "penalty sum_j l1_j |w_j|"}};
  return kinds;
}

const std::vector<ModelKind>& model_kinds() {
  static const std::vector<ModelKind> kinds = {
      {"ridge", "squared error / 2, squared penalty", "squared", false, {"l2"}, &made<Ridge>},
      {"lasso", "squared error / 2, absolute penalty", "squared", false, {"l1"}, nullptr, "use ridge"},
      {"elastic-net", "squared error / 2, both penalties", "squared", false, {"l2", "l1"}, nullptr, "use ridge"},
      {"group-lasso",
       "squared error / 2, norms of groups",
       "squared",
       false,
       {"l1"},
       nullptr,
       "use ridge with hyper.l2: {per: group}"},
      {"logistic", "log-loss of two classes, squared penalty", "logistic", true, {"l2"}, &made<Logistic>},
      {"sparse-logistic", "log-loss of two classes, absolute penalty", "logistic", true, {"l1"}, nullptr, "use logistic"},
      {"softmax",
       "cross-entropy of several classes, squared penalty",
       "softmax",
       true,
       {"l2"},
       nullptr,
       "use logistic with model.positive: one class against the rest"},
      {"svm", "half the squared hinge, squared penalty", "", true, {"l2"}, nullptr, "use logistic"},
      {"svr", "epsilon-insensitive loss, squared penalty", "", false, {"l2"}, nullptr, "use ridge"},
      {"huber", "smooth robust loss, squared penalty", "", false, {"l2"}, nullptr, "use ridge"},
      {"kernel-ridge", "kernel expansion, squared penalty", "", false, {"l2"}, nullptr, "use ridge"},
  };
  return kinds;
}

bool ModelKind::has(std::string_view block) const { return std::find(hyper.begin(), hyper.end(), block) != hyper.end(); }

const ModelKind* find_model_kind(std::string_view name) {
  for (const ModelKind& k : model_kinds()) {
    if (name == k.name) return &k;
  }
  return nullptr;
}

const ModelKind& usual_model(bool classifier) {
  const auto& kinds = model_kinds();
  return *std::find_if(kinds.begin(), kinds.end(),
                       [&](const ModelKind& k) { return k.available() && k.classifier == classifier; });
}

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const ModelKind& k : model_kinds()) {
    if (*k.loss != '\0' && std::find(names.begin(), names.end(), k.loss) == names.end()) names.emplace_back(k.loss);
  }
  return names;
}

std::shared_ptr<const Loss> loss_named(std::string_view name) {
  for (const ModelKind& k : model_kinds()) {
    if (k.available() && name == k.loss) return k.make()->loss();
  }
  return nullptr;
}

std::vector<ElsewhereLambda> ModelTask::elsewhere(const FittedPenalty&) const { return {}; }

Problem ModelTask::make(const ModelParts& parts, const ModelOptions& options) const {
  return linear_problem(loss(), parts, options);
}

void register_models(Registry<ModelTask>& registry) {
  for (const ModelKind& k : model_kinds()) {
    if (k.available()) registry.add(k.name, k.doc, k.make);
  }
}

std::shared_ptr<const ModelTask> make_task(std::string_view kind) {
  Registry<ModelTask> registry("model", "model.kind");
  register_models(registry);
  return registry.make(kind);
}

}  // namespace tacit::inline TACIT_ABI
