// Tunes the penalty of a ridge regression on a CSV file through the library alone: read, prepare, start, solve, refit, predict.
#include <cstdio>
#include <memory>
#include <string>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/refit.hpp>
#include <tacit/bilevel/start_search.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/problems/models/fitted_model.hpp>
#include <tacit/problems/models/scores.hpp>
using namespace tacit;

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: tune_csv FILE TARGET SEED\n"), 2;
  DataOptions from;
  from.train = argv[1];
  from.target = argv[2];
  from.target_kind = TargetKind::number;
  const auto data = std::make_shared<const Dataset>(load_dataset(from));
  SplitOptions split;
  split.seed = std::stoull(argv[3]);
  const Prepared tuned = prepare_holdout(data, make_split(*data, split), {make_task("ridge")});
  const auto solver = std::make_shared<CholeskySolver>();
  const auto estimator = std::make_shared<ImplicitDirectEstimator>();
  const HyperSpace& space = tuned.problem.space;
  const auto oracle = make_oracle(tuned.problem, solver, estimator);
  LbfgsOuter optimizer;
  const Summary summary = solve({}, space, *oracle, optimizer, search_common(*oracle, space, false).theta);
  if (!summary.usable()) return std::fprintf(stderr, "%s\n", summary.message.c_str()), 1;

  const Vec x = summary.best_evaluation.state->inner.x();
  const Score score = tacit::score(tuned, tuned.rows.validation, x);
  const Prepared whole = prepare_again(tuned, rows_of_refit(tuned.rows));
  const Refit final = refit(whole.problem, summary.best.u, x);
  const FittedModel model = fitted_model(whole, summary.best.u, final.x);
  const Margins prediction = margins(model, argv[1]);
  std::printf("lambda %.17g\nvalidation loss %.17g +- %.2g\nfirst prediction %.17g%s%s\n", summary.best.u[0], score.loss.mean,
              score.loss.standard_error, prediction.values[0], final.reached() ? "" : "\nwarning: ", final.message.c_str());
  return 0;
}
