#include <tacit/problems/readers/data_errors.hpp>

namespace tacit::inline TACIT_ABI {

const std::vector<DataCode>& data_codes() {
  static const std::vector<DataCode> codes = {
      {"D101", "the file is missing or cannot be read"},
      {"D102", "the file is empty, or has no row of data"},
      {"D103", "the file is damaged, or is no text (broken gzip, binary bytes, UTF-16)"},
      {"D104", "a quotation mark is out of place or never closed (RFC 4180)"},
      {"D105", "a row has more or fewer cells than the first one"},
      {"D106", "two columns have the same name"},
      {"D107", "a column that was asked for does not exist"},
      {"D108", "a word stands in a number column"},
      {"D109", "NaN, Inf or a number beyond double precision"},
      {"D110", "a cell is missing where it may not be"},
      {"D111", "a text column has more levels than one-hot columns are made for"},
      {"D112", "a row weight is negative, or all are zero"},
      {"D113", "one class only"},
      {"D114", "a part of the split is empty"},
      {"D115", "LIBSVM files count from different numbers, or an index is 0 although indices start at 1"},
      {"D116", "LIBSVM indices are out of order"},
      {"D117", "a LIBSVM entry is no index:value"},
      {"D118", "a LIBSVM index is larger than the number of features"},
      {"D119", "a split column holds something else than train, validation, test"},
      {"D120", "no feature is left"},
      {"D121", "a class label that the training data do not have"},
      {"D122", "feature groups: a pattern fits nothing, or a feature is in two groups"},
      {"D123", "two files that belong together have different numbers of rows"},
      {"D124", "numbers whose squares leave double precision"},
      {"D130", "a text column whose cells are numbers in another notation"},
      {"D131", "a file without a header does not have the columns of the training file"},
      {"D132", "lines stand before the table that are no part of it"},
      {"D133", "a file that unpacks to far more than is stored, or a pipe or device that does not end"},
      {"D134", "packed data that have to be copied and are larger than memory"},
  };
  return codes;
}

}  // namespace tacit::inline TACIT_ABI
