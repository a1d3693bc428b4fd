#include <tacit/cli/verbs/data_view.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/json_text.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

constexpr std::size_t kShown = 5;

/// "a, b, c" and, when there are more than five, how many in all.
std::string some_of(std::vector<std::string> names) {
  const std::size_t n = names.size();
  if (n <= kShown) return join(names);
  names.resize(kShown);
  return join(names) + ", ... (" + std::to_string(n) + " in all)";
}

std::string counted(Index n, const std::string& one, const std::string& more) {
  return std::to_string(n) + " " + (n == 1 ? one : more);
}

/// Features that have one value on all training rows that count.
std::vector<bool> constant_features(const Prepared& p) {
  const ColumnMoments moments = p.design(p.rows.train).column_moments(pick(p.weight, p.rows.train));
  std::vector<bool> out;
  for (const double deviation : moments.deviation) out.push_back(deviation == 0);
  return out;
}

/// Rows of each class, in their order, test rows included.
std::vector<Index> class_counts(const Dataset& d) {
  std::vector<Index> out(d.classes.size(), 0);
  for (Index r = 0; r < d.rows(); ++r) ++out[static_cast<std::size_t>(d.y[r])];
  return out;
}

/// Missing cells that are filled, and the features that have some.
std::pair<Index, Index> missing_cells_of(const Prepared& p) {
  std::set<Index> features;
  auto cells = static_cast<Index>(p.data->missing.size());
  for (const MissingCell& m : p.data->missing) features.insert(m.feature);
  for (const EncodedColumn& c : p.data->encoder.columns) {
    if (!c.missing_level) continue;
    const Index j = c.first + c.width() - 1;
    const auto filled = static_cast<Index>(p.data->x.dense.col(j).sum());
    cells += filled;
    if (filled > 0) features.insert(j);
  }
  return {cells, static_cast<Index>(features.size())};
}

double density(const Features& x) {
  const double all = static_cast<double>(x.rows()) * static_cast<double>(x.cols());
  if (!x.sparse || all == 0) return 1;
  return static_cast<double>(x.csr.nonZeros()) / all;
}

/// What the file is for whose first row this is.
std::string origin_word(const Dataset& d, Index row) {
  const Origin o = d.origin[static_cast<std::size_t>(row)];
  return o == Origin::train ? "training" : o == Origin::validation ? "validation" : "test";
}

std::string header_text(const Dataset& d) {
  if (d.source_names.empty()) return "";
  if (d.encoder.had_header) return "names: " + some_of(d.source_names);
  return "none, the columns are called " + some_of(d.source_names);
}

std::string target_text(const Prepared& p) {
  const Dataset& d = *p.data;
  if (p.labels.empty())
    return d.encoder.target + ", numbers from " + brief_number(d.y.minCoeff()) + " to " + brief_number(d.y.maxCoeff());
  const std::vector<Index> counts = class_counts(d);
  std::vector<std::string> classes;
  for (std::size_t k = 0; k < d.classes.size(); ++k)
    classes.push_back(quoted_text(d.classes[k]) + " (" + counted(counts[k], "row", "rows") + ")");
  return d.encoder.target + ", classes " + some_of(std::move(classes)) + "; positive " + quoted_text(p.labels[1]) +
         (d.classes.size() > 2 ? " against the rest" : "");
}

std::string columns_text(const Prepared& p, std::string& one_hot) {
  const Encoder& e = p.data->encoder;
  const std::vector<bool> constant = constant_features(p);
  std::vector<std::string> levels, same;
  Index numbers = 0;
  if (e.sparse) {
    numbers = e.features();
    for (std::size_t j = 0; j < constant.size(); ++j) {
      if (constant[j]) same.push_back(p.data->feature_names[j]);
    }
  }
  for (const EncodedColumn& c : e.columns) {
    if (c.categorical) {
      levels.push_back(c.name + " (" + counted(static_cast<Index>(c.levels.size()), "level", "levels") +
                       (c.missing_level ? " and missing)" : ")"));
      continue;
    }
    ++numbers;
    if (constant[static_cast<std::size_t>(c.first)]) same.push_back(c.name);
  }
  one_hot = levels.empty() ? "no column" : some_of(levels);
  std::string text = std::to_string(numbers) + " of numbers";
  if (!levels.empty()) text += ", " + std::to_string(levels.size()) + " of levels";
  return text + (same.empty() ? "" : "; constant on the training rows: " + some_of(same));
}

std::string missing_text(const Prepared& p) {
  const auto [cells, features] = missing_cells_of(p);
  if (cells == 0) return "none that are filled";
  const bool mean = p.data->encoder.missing == Missing::mean;
  return counted(cells, "cell", "cells") + " in " + counted(features, "column", "columns") + ", filled with the " +
         (mean ? "mean" : "median") + " of the training rows (levels: one of their own)";
}

std::string storage_text(const Dataset& d) {
  const std::string text =
      d.x.sparse ? "sparse, " + brief_number(std::round(1e4 * density(d.x)) / 100) + " % of the entries" : "dense";
  return text + (d.encoder.sparse ? "; indices from " + std::to_string(d.encoder.index_base) : "");
}

std::string range_text(const HyperBlock& b) { return "[" + brief_number(b.lower) + ", " + brief_number(b.upper) + "]"; }

}  // namespace

std::vector<std::pair<std::string, std::string>> data_rows(const Assembly& a) {
  const Prepared& p = a.prepared;
  const Dataset& d = *p.data;
  std::vector<std::pair<std::string, std::string>> rows;
  Index at = 0;
  for (const FileDigest& f : d.files) {
    rows.push_back({origin_word(d, at) + " file", f.path + ", " + counted(f.rows, "row", "rows")});
    at += f.rows;
  }
  for (const FileDigest& f : d.beside) {
    rows.push_back({"values in", f.path + ", " + counted(f.rows, "row", "rows")});
  }
  if (const std::string header = header_text(d); !header.empty()) rows.push_back({"header", header});
  rows.push_back({"target", target_text(p)});
  std::string one_hot;
  rows.push_back({"columns", columns_text(p, one_hot)});
  if (!d.encoder.sparse) rows.push_back({"one-hot", one_hot});
  rows.push_back({"missing cells", missing_text(p)});
  rows.push_back({"standardized", p.scaling.active() ? "yes" : "no"});
  rows.push_back({"storage", storage_text(d)});
  for (const HyperBlock& b : a.problem.space.blocks()) {
    const json plan = hyper_plan_json(a).at(b.name);
    const json& start = plan.at("start");
    rows.push_back({b.name, (b.size > 1 ? std::to_string(b.size) + " values, " : "") + "start " +
                                (start.is_number() ? brief_number(start.get<double>())
                                 : start == "auto" ? std::string("auto (searched when the run begins)")
                                                   : std::string("as given")) +
                                ", range " + range_text(b)});
  }
  return rows;
}

json hyper_plan_json(const Assembly& a) {
  json all = json::object();
  const HyperValue& given = a.config.penalty().start;
  for (const HyperBlock& b : a.problem.space.blocks()) {
    json start = "auto";
    if (given.kind == HyperValue::Kind::number) start = given.number;
    if (given.kind == HyperValue::Kind::list) start = given.list;
    if (given.kind == HyperValue::Kind::file) start = given.file;
    if (!given.named.empty()) {
      start = json::object();
      for (const auto& [name, value] : given.named) start[name] = value;
    }
    all[b.name] = {{"count", b.size}, {"start", start}, {"range", {b.lower, b.upper}}};
  }
  return all;
}

namespace {

json files_json(const Dataset& d) {
  json files = json::array();
  Index at = 0;
  for (const FileDigest& f : d.files) {
    files.push_back({{"part", origin_word(d, at)}, {"path", f.path}, {"rows", f.rows}});
    at += f.rows;
  }
  for (const FileDigest& f : d.beside) files.push_back({{"part", "values"}, {"path", f.path}, {"rows", f.rows}});
  return files;
}

json columns_json(const Dataset& d, const std::vector<bool>& constant) {
  json columns = json::array();
  for (const EncodedColumn& c : d.encoder.columns) {
    json column{{"name", c.name}, {"kind", c.categorical ? "levels" : "number"}};
    if (c.categorical)
      column["levels"] = c.levels.size();
    else
      column["constant"] = static_cast<bool>(constant[static_cast<std::size_t>(c.first)]);
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace

json target_json(const Prepared& p) {
  const Dataset& d = *p.data;
  json target{{"name", d.encoder.target}};
  if (p.labels.empty()) {
    target.update({{"least", number_json(d.y.minCoeff())}, {"most", number_json(d.y.maxCoeff())}});
    return target;
  }
  const std::vector<Index> counts = class_counts(d);
  json classes = json::array();
  for (std::size_t k = 0; k < d.classes.size(); ++k) classes.push_back({{"label", d.classes[k]}, {"rows", counts[k]}});
  target.update({{"classes", classes}, {"positive", p.labels[1]}});
  return target;
}

json data_json(const Assembly& a) {
  const Prepared& p = a.prepared;
  const Dataset& d = *p.data;
  const std::vector<bool> constant = constant_features(p);
  const bool table = !d.source_names.empty();
  return {{"files", files_json(d)},
          {"header", table ? json(d.encoder.had_header) : json(nullptr)},
          {"names", d.source_names},
          {"target", target_json(p)},
          {"columns", columns_json(d, constant)},
          {"constant_features", std::count(constant.begin(), constant.end(), true)},
          {"missing_cells", missing_cells_of(p).first},
          {"standardized", p.scaling.active()},
          {"sparse", d.x.sparse},
          {"density", density(d.x)},
          {"index_base", d.encoder.sparse ? json(d.encoder.index_base) : json(nullptr)}};
}

}  // namespace tacit
