// What is worth a look in data that were read (internal to this folder).
#pragma once
#include <vector>

#include <tacit/problems/data/dataset.hpp>

namespace tacit::inline TACIT_ABI {

/// W210 where the first row of a table may be names or data.
void remark_header(const Table& table, std::vector<DataRemark>& remarks);
/// Of the training table: W211 for whole numbers that lose digits, W212 for a feature that only counts the rows, W219 for codes
/// that are used as numbers. `columns` are those of the encoder.
void remark_table(const Table& table, const std::vector<Index>& columns, Index target, const Encoder& encoder,
                  std::vector<DataRemark>& remarks);
/// W218 for columns of words, taken for levels unasked, that tell single rows apart, or hold what kind_of_words() knows.
void remark_levels(const Table& table, const Encoder& encoder, std::vector<DataRemark>& remarks);
/// W213 for a validation or test file with the rows of another file.
void remark_same_rows(Dataset& data);

}  // namespace tacit::inline TACIT_ABI
