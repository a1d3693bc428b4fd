// What a tuned model is held against, on the same rows.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/verbs/tune.hpp>

namespace tacit {

/// The intercept alone and, beside many penalties, the single tuned one: more penalties fit the validation rows harder, so that
/// only both, on test rows too, tell what the many are worth.
struct Baselines {
  MeanLoss constant;
  std::optional<MeanLoss> constant_test;  ///< where there are test rows
  std::optional<double> single;           ///< natural units
  Score single_score;
  std::optional<Score> single_test;
  std::vector<Vec> single_x;         ///< solutions of the parts at the single penalty
  std::optional<Vec> single_x_test;  ///< of the final fit with it
  /// Of the two points best and one-se the one that is not the run's own: its name, and score and coefficients of the final fit.
  struct Other {
    const char* name;
    Score test;
    Vec x;
  };
  std::optional<Other> other;

  /// "intercept alone" and "single penalty", validation rows.
  std::vector<std::pair<std::string, std::string>> rows() const;
  /// The same on test rows; empty without.
  std::vector<std::pair<std::string, std::string>> test_rows() const;
  /// {"intercept_alone": {...}, "single_penalty": {...} or null}
  nlohmann::json json() const;
};

/// x: inner solutions of the run's best point, where the solve of the single penalty begins; fit: the run's final model. Both
/// models are treated as the run's is: scored on validation rows, then refitted (outer.refit) and scored on test rows.
/// other: name and ln of the penalties of the point that was not taken, none where it is not known. near.stop: asked while
/// these models are fitted, which are left out where it says yes.
Baselines baselines(const Assembly& a, const std::vector<Vec>& x, const FinalFit& fit,
                    const std::optional<std::pair<const char*, Vec>>& other, const Nearby& near);

/// "12 +- 0.5"
std::string loss_text(const MeanLoss& loss);
/// "rmse 3, mae 2"
std::string metrics_text(const NamedValues& values);
/// Metrics, loss and loss_standard_error.
nlohmann::json score_json(const Score& score);

}  // namespace tacit
