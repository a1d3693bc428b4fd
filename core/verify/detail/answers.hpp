// Calls of callbacks whose answers are not trusted. Not part of the public interface.
#pragma once
#include <functional>
#include <string>
#include <utility>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// A callback whose answer cannot be used: it threw, or left something that is no number, or wrote beyond the room it was given.
struct Broken {
  std::string product, what;
};

/// Runs a call of `product`; what it throws is Broken. Interruption and want of memory go on.
void call_of(const std::string& product, const std::function<void()>& call);

/// Room for the answer of a callback, filled with NaN so that what is not written is seen, between margins that nobody may write.
class Answer {
public:
  explicit Answer(Index rows, Index columns = 1);
  Out vector() { return Eigen::Map<Vec>(begin(), rows_); }
  OutM matrix() { return Eigen::Map<Mat>(begin(), rows_, columns_); }
  /// The answer as it stands, finite or not. Broken where something was written beyond it.
  Mat taken(const std::string& product) const;
  /// The same; Broken where an entry is not finite.
  Mat whole(const std::string& product) const;
  Vec whole_vector(const std::string& product) const { return whole(product).col(0); }

private:
  double* begin() { return room_.data() + kMargin; }
  static constexpr Index kMargin = 16;
  Index rows_, columns_;
  Vec room_;
};

/// The answer of a call that fills n entries.
Vec vector_of(const std::string& product, Index n, const std::function<void(Out)>& call);
/// The number that a call returns; Broken where it is not finite.
double number_of(const std::string& product, const std::function<double()>& call);

}  // namespace tacit::inline TACIT_ABI::detail
