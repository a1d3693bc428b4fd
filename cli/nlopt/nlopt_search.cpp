#include <tacit/cli/nlopt/nlopt_search.hpp>

#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <tacit/cli/nlopt/nlopt_optimizers.hpp>
#include <tacit/cli/run/quiet_thread.hpp>
#include <tacit/core/support/text.hpp>

#ifdef TACIT_HAS_NLOPT
#include <nlopt.h>
#endif

namespace tacit {

bool has_nlopt() {
#ifdef TACIT_HAS_NLOPT
  return true;
#else
  return false;
#endif
}

/// What both threads know. Everything but `thread` is the search's while `turn` is theirs, and the caller's while it is mine, so
/// that they never run at the same time: two that take turns, not two at once.
struct NloptSearch::Shared {
  NloptMethod method{};
  Vec lower, upper, start;
  OuterPlan plan;

  Vec asked;
  double value = 0;
  std::size_t answered = 0;
  bool leave = false;  ///< the caller wants no more
  bool converged = false;
  std::string message;

  std::mutex mutex;
  std::condition_variable changed;
  bool searching = true;  ///< whose turn it is
  std::thread thread;

  void pass_turn(bool to_search) {
    std::unique_lock lock(mutex);
    searching = to_search;
    changed.notify_all();
  }
  void wait_for_turn(bool of_search) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return searching == of_search; });
  }
  void run();
};

#ifdef TACIT_HAS_NLOPT

namespace {

constexpr double kFirstStep = 2.302585092994046;  ///< ln 10, of a simplex
constexpr double kSimplex = 1e-4;                 ///< largest change of an entry of theta at which a simplex has converged

struct NloptDelete {
  void operator()(nlopt_opt o) const { nlopt_destroy(o); }
};
using Nlopt = std::unique_ptr<nlopt_opt_s, NloptDelete>;

nlopt_algorithm algorithm_of(NloptMethod m) {
  if (m == NloptMethod::nelder_mead) return NLOPT_LN_NELDERMEAD;
  return m == NloptMethod::direct ? NLOPT_GN_DIRECT : NLOPT_GN_CRS2_LM;
}

/// Why NLopt left its loop.
std::string reason_of(nlopt_result r, std::size_t points) {
  const std::string evaluated = " after " + std::to_string(points) + " points";
  if (r == NLOPT_XTOL_REACHED)  // also where it is pressed flat against an end of the box
    return "the simplex has no room left to move (" + exact_number(kSimplex) + " in theta)" + evaluated;
  if (r == NLOPT_MAXEVAL_REACHED) return "the points that were asked for are evaluated";
  return std::string("NLopt ended") + evaluated + ": " + nlopt_result_to_string(r);
}

}  // namespace

void NloptSearch::Shared::run() {
  struct Call {
    Shared* shared;
    nlopt_opt optimizer;
  };
  const auto n = static_cast<unsigned>(start.size());
  const Nlopt owner(nlopt_create(algorithm_of(method), n));
  Call call{this, owner.get()};
  const auto value_at = [](unsigned size, const double* x, double*, void* data) {
    const Call& c = *static_cast<Call*>(data);
    Shared& s = *c.shared;
    if (!s.leave) {
      s.asked = Eigen::Map<const Vec>(x, static_cast<Index>(size));
      s.pass_turn(false);
      s.wait_for_turn(true);
    }
    if (s.leave) nlopt_force_stop(c.optimizer);
    return s.value;
  };
  nlopt_srand(static_cast<unsigned long>(plan.seed));  // of this thread alone
  nlopt_set_min_objective(owner.get(), value_at, &call);
  nlopt_set_lower_bounds(owner.get(), lower.data());
  nlopt_set_upper_bounds(owner.get(), upper.data());
  nlopt_set_maxeval(owner.get(), static_cast<int>(std::min<Index>(plan.points, 1 << 30)));
  if (method == NloptMethod::nelder_mead) {
    nlopt_set_initial_step1(owner.get(), kFirstStep);
    nlopt_set_xtol_abs1(owner.get(), kSimplex);
  }
  Vec x = start;
  double least = 0;
  const nlopt_result result = nlopt_optimize(owner.get(), x.data(), &least);
  converged = result == NLOPT_XTOL_REACHED;
  message = reason_of(result, answered);
  asked.resize(0);
  pass_turn(false);
}

#else

void NloptSearch::Shared::run() {
  message = "this tacit was built without NLopt";
  pass_turn(false);
}

#endif

NloptSearch::NloptSearch(NloptMethod method, In lower, In upper, In start, const OuterPlan& plan)
    : shared_(std::make_unique<Shared>()) {
  Shared& s = *shared_;
  s.method = method;
  s.lower = lower;
  s.upper = upper;
  s.start = start.cwiseMax(lower).cwiseMin(upper);
  s.plan = plan;
  s.thread = quiet_thread([&s] { s.run(); });
  s.wait_for_turn(false);
}

NloptSearch::~NloptSearch() {
  shared_->leave = true;  // ours to write: the search waits, or has ended
  shared_->pass_turn(true);
  shared_->thread.join();
}

const Vec& NloptSearch::asked() const { return shared_->asked; }

void NloptSearch::answer(double value) {
  Shared& s = *shared_;
  if (s.asked.size() == 0) return;
  s.value = std::isfinite(value) ? value : HUGE_VAL;
  ++s.answered;
  s.pass_turn(true);
  s.wait_for_turn(false);
}

std::size_t NloptSearch::answered() const { return shared_->answered; }
bool NloptSearch::converged() const { return shared_->converged; }
const std::string& NloptSearch::message() const { return shared_->message; }

}  // namespace tacit
