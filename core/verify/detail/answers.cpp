#include <tacit/core/verify/detail/answers.hpp>

#include <cmath>
#include <exception>
#include <limits>
#include <new>

#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI::detail {
namespace {

constexpr double kUntouched = -6.28e-77;  // what no callback writes by chance

}  // namespace

void call_of(const std::string& product, const std::function<void()>& call) {
  try {
    call();
  } catch (const Broken&) {
    throw;
  } catch (const Interruption&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw Broken{product, std::string("throws: ") + e.what()};
  } catch (...) {
    throw Broken{product, "throws something that is no std::exception"};
  }
}

Answer::Answer(Index rows, Index columns)
    : rows_(rows), columns_(columns), room_(Vec::Constant(rows * columns + 2 * kMargin, kUntouched)) {
  room_.segment(kMargin, rows * columns).setConstant(std::numeric_limits<double>::quiet_NaN());
}

Mat Answer::taken(const std::string& product) const {
  if ((room_.head(kMargin).array() != kUntouched).any() || (room_.tail(kMargin).array() != kUntouched).any())
    throw Broken{product, "writes beyond the " + std::to_string(rows_ * columns_) + " entries of its answer"};
  return Eigen::Map<const Mat>(room_.data() + kMargin, rows_, columns_);
}

Mat Answer::whole(const std::string& product) const {
  const Mat answer = taken(product);
  for (Index i = 0; i < rows_; ++i) {
    for (Index j = 0; j < columns_; ++j) {
      if (std::isfinite(answer(i, j))) continue;
      const std::string column = columns_ > 1 ? " of column " + std::to_string(j + 1) : "";
      throw Broken{product, "leaves entry " + std::to_string(i + 1) + " of " + std::to_string(rows_) + column + " " +
                                (std::isnan(answer(i, j)) ? "unwritten or not a number" : "infinite")};
    }
  }
  return answer;
}

Vec vector_of(const std::string& product, Index n, const std::function<void(Out)>& call) {
  Answer answer(n);
  call_of(product, [&] { call(answer.vector()); });
  return answer.whole_vector(product);
}

double number_of(const std::string& product, const std::function<double()>& call) {
  double number = 0;
  call_of(product, [&] { number = call(); });
  if (!std::isfinite(number)) throw Broken{product, "is " + short_number(number)};
  return number;
}

}  // namespace tacit::inline TACIT_ABI::detail
