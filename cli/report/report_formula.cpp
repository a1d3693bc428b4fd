// The problem of a run in formulas (MathML), with the choices it made.
#include <algorithm>

#include <tacit/cli/report/report_page.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/models/tasks.hpp>

namespace tacit {

namespace {

using namespace formula;
using Math = Formula;

void write(HtmlWriter& w, const Math& m) {
  if (m.element == std::string("mspace")) return w.single("mspace", {{"width", "0.4em"}});
  // A parenthesis that may stretch is as high as the whole line, an argmin with its variables below.
  const bool fence = m.element == std::string("mo") && (m.text == "(" || m.text == ")");
  const auto element = fence ? w.open(m.element, {{"stretchy", "false"}}) : w.open(m.element);
  w.text(m.text);
  for (const Math& part : m.parts) write(w, part);
}

void write_formula(HtmlWriter& w, const Math& m) {
  const auto box = w.open("div", {{"class", "scroll formula"}, {"tabindex", "0"}, {"role", "group"}, {"aria-label", "formula"}});
  const auto math = w.open("math", {{"xmlns", "http://www.w3.org/1998/Math/MathML"}, {"display", "block"}});
  write(w, m);
}

/// The choices as run.json has them.
struct Choices {
  bool mean, intercept, weights;
  std::string per;
  std::shared_ptr<const ModelTask> task;   ///< null: of another version
  std::shared_ptr<const ModelTask> outer;  ///< whose loss is that of the validation rows
  bool one_penalty() const { return per == "all"; }
};

Choices choices_of(const RunRecord& r) {
  const auto yes = [&](const char* path) {
    const nlohmann::json& v = value_at(r, path);
    return v.is_boolean() && v.get<bool>();
  };
  const ModelKind* kind = find_model_kind(text_at(r, "model.kind"));
  const auto task = [](const ModelKind* k) -> std::shared_ptr<const ModelTask> {
    return k && k->available() ? k->make() : nullptr;
  };
  const auto& kinds = model_kinds();
  const auto of_loss =
      std::find_if(kinds.begin(), kinds.end(), [&](const ModelKind& k) { return k.available() && outer_loss_of(r) == k.loss; });
  return {text_at(r, "model.reduction") != "sum",
          yes("model.intercept"),
          yes("model.weights"),
          text_at(r, "model.penalty.per"),
          task(kind),
          task(of_loss == kinds.end() ? kind : &*of_loss)};
}

Math prediction(const Choices& c, const char* weights) {
  Math p = row({sub(name("a"), name("i")), sign("\xC2\xB7"), name(weights)});
  if (c.intercept) {
    p.parts.push_back(sign("+"));
    p.parts.push_back(name("b"));
  }
  return p;
}

/// 1/n sum s_i loss_i
Math data_term(const Choices& c, const ModelTask& task, bool mean, const char* count) {
  Math m = row({});
  if (mean) {
    m.parts.push_back(frac(number("1"), name(count)));
    m.parts.push_back(space());
  }
  m.parts.push_back(sum("i"));
  if (c.weights) m.parts.push_back(sub(name("s"), name("i")));
  m.parts.push_back(task.loss_formula(prediction(c, "w")));
  return m;
}

Math penalty(const Choices& c) {
  Math lambda = name("\xCE\xBB");
  if (c.one_penalty())
    return row({frac(std::move(lambda), number("2")), space(), sum("j"), sup(sub(name("w"), name("j")), number("2"))});
  const char* index = c.per == "group" ? "g(j)" : "j";
  return row({sum("j"), frac(sub(std::move(lambda), name(index)), number("2")), sup(sub(name("w"), name("j")), number("2"))});
}

/// f(x, lambda), what the steps descend on where x after K of them is meant.
Math steps_formula(const Choices& c) {
  return row({name("f"), sign("("), name("x"), sign(","), name("\xCE\xBB"), sign(")"), sign("="),
              data_term(c, *c.task, c.mean, "n"), sign("+"), penalty(c)});
}

Math inner_formula(const Choices& c) {
  Math variables = c.intercept ? row({name("w"), sign(","), name("b")}) : row({name("w")});
  Math left = sup(name("x"), sign("*"));
  return row({std::move(left), sign("("), name("\xCE\xBB"), sign(")"), sign("="), under(words("argmin"), std::move(variables)),
              space(), data_term(c, *c.task, c.mean, "n"), sign("+"), penalty(c)});
}

Math outer_formula(const Choices& c) {
  return row({under(words("min"), name("\xCE\xBB")), space(), data_term(c, *c.outer, true, "m")});
}

bool folded(const RunRecord& r) { return value_at(r, "folds").is_object(); }

std::vector<std::string> symbols(const RunRecord& r, const Choices& c) {
  std::vector<std::string> all;
  all.push_back("a_i, y_i: the features and " + c.task->target_text() + " of row i.");
  all.push_back(c.intercept ? "x stacks the coefficients w and the intercept b, which is not penalised."
                            : "x are the coefficients w; there is no intercept.");
  if (c.weights) all.push_back("s_i: the weight of row i, row weight times class weight.");
  if (c.mean)
    all.push_back(std::string("n: ") + (c.weights ? "the sum of the weights" : "the number") +
                  " of the training rows (reduction: mean).");
  if (!c.mean) all.push_back("The losses are summed, not averaged (reduction: sum), so \xCE\xBB grows with the number of rows.");
  if (r.verb != "curve")
    all.push_back(std::string("m: ") + (c.weights ? "the sum of the weights" : "the number") +
                  (folded(r) ? " of the rows that are held out." : " of the validation rows."));
  const double fixed = number_at(r, "model.penalty.fixed"), count = number_at(r, "model.penalty.count");
  const std::string lambda = "\xCE\xBB is " + penalty_name(r) + " in the run file, ";
  if (!known(fixed).empty()) all.push_back(lambda + "fixed at " + exact_number(fixed) + ".");
  if (known(fixed).empty() && c.one_penalty()) all.push_back(lambda + "one penalty for all features.");
  if (known(fixed).empty() && !c.one_penalty())
    all.push_back(lambda + "one penalty per " + c.per + ": " + known(count) + " of them" +
                  (c.per == "group" ? "; g(j) is the group of feature j." : "."));
  const nlohmann::json& standardized = value_at(r, "model.standardized");
  if (standardized.is_boolean() && standardized.get<bool>())
    all.push_back(
        "The columns of a were standardized first, so \xCE\xBB acts on comparable coefficients; the model file has them on the "
        "original scale.");
  return all;
}

/// A line in which "a_i" is a with the index i.
void write_symbols(HtmlWriter& w, const std::string& text) {
  const auto item = w.open("li");
  std::size_t from = 0;
  for (auto at = text.find('_'); at != std::string::npos && at + 1 < text.size(); at = text.find('_', from)) {
    w.text(text.substr(from, at - from));
    w.leaf("sub", text.substr(at + 1, 1));
    from = at + 2;
  }
  w.text(text.substr(from));
}

}  // namespace

void write_problem(HtmlWriter& w, const RunRecord& r) {
  const auto section = w.open("section");
  w.leaf("h2", "The problem in formulas");
  if (const Choices c = choices_of(r); c.task) {
    // A sweep may be over their number.
    const std::string steps = !of_steps(r) ? "" : r.verb == "compare" ? "inner.max_steps" : known(number_at(r, "model.steps"));
    w.leaf("p", !steps.empty() ? "The training objective, on which every \xCE\xBB that the run tries is given " + steps +
                                     " steps from the start, however far they come (inner.response: iterate):"
                : r.verb == "curve" ? "The training problem, whose solution is differentiated in the penalty:"
                                    : "The training problem, solved for every \xCE\xBB that the run tries:");
    write_formula(w, steps.empty() ? inner_formula(c) : steps_formula(c));
    if (r.verb != "curve") {
      const std::string at = steps.empty() ? "x*(\xCE\xBB)" : "x after the " + steps + " steps";
      w.leaf("p", folded(r) ? "The outer problem, the loss of all rows, each at " + at +
                                  " of the fold that holds it out, whose training problem does not see it:"
                            : "The outer problem, the loss at " + at +
                                  " on the validation rows, which the training problem does not see:");
      write_formula(w, outer_formula(c));
    }
    const auto list = w.open("ul");
    for (const std::string& text : symbols(r, c)) write_symbols(w, text);
  }
  const auto line = w.open("p");
  w.text("As the program prints it: ");
  w.leaf("code", "minimise " + text_at(r, "objective"));
}

}  // namespace tacit
