// A plugin that uses all of Tacit: own types derived from its classes, its exceptions caught, its readers.
#include <tacit/tacit.hpp>

namespace {

class Plain final : public tacit::Criterion {
  double value(tacit::In x, tacit::In) const override { return x.squaredNorm(); }
  double gradient(tacit::In x, tacit::In, tacit::Out gx, tacit::Out gu) const override {
    gx = 2 * x;
    gu.setZero();
    return x.squaredNorm();
  }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) int plugin_entry(const char* path) {
  tacit::Problem problem;
  problem.l = std::make_shared<Plain>();
  try {
    const auto oracle =
        tacit::make_oracle(problem, std::make_shared<tacit::NewtonSolver>(), std::make_shared<tacit::ImplicitCgEstimator>());
    return oracle == nullptr;
  } catch (const tacit::UsageError&) {
  }
  try {
    tacit::ByteStream::open(path);
  } catch (const tacit::DataError& e) {
    return e.code() == "D101" ? 0 : 2;
  }
  return 3;
}
