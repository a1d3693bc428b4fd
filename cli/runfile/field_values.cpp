#include <tacit/cli/runfile/field_values.hpp>

#include <string_view>
#include <type_traits>

namespace tacit {

namespace {

class Collector final : public FieldVisitor {
public:
  FieldMap fields;

private:
  using Name = std::string_view;
  void keep(Name name, FieldPointer value) { fields.emplace(name, value); }
  void visit(Name name, double& value, const Range&, std::string_view) override { keep(name, &value); }
  void visit(Name name, Index& value, const Range&, std::string_view) override { keep(name, &value); }
  void visit(Name name, bool& value, std::string_view) override { keep(name, &value); }
  void visit(Name name, std::string& value, const std::vector<std::string>&, std::string_view) override { keep(name, &value); }
  void visit(Name name, std::optional<double>& value, const Range&, std::string_view, std::string_view) override {
    keep(name, &value);
  }
  void visit(Name name, std::optional<Index>& value, const Range&, std::string_view, std::string_view) override {
    keep(name, &value);
  }
  void visit(Name name, Count& value, const Range&, CountWords, std::string_view) override { keep(name, &value); }
  void visit(Name name, std::vector<std::string>& value, std::string_view) override { keep(name, &value); }
};

}  // namespace

FieldMap fields_of(Configurable& object) {
  Collector collector;
  object.fields(collector);
  return std::move(collector.fields);
}

void copy_fields(Configurable& from, Configurable& to) {
  const FieldMap values = fields_of(from);
  for (const auto& [name, target] : fields_of(to)) {
    const auto source = values.find(name);
    if (source == values.end() || source->second.index() != target.index()) continue;
    std::visit([&](auto* value) { *value = *std::get<std::decay_t<decltype(value)>>(source->second); }, target);
  }
}

}  // namespace tacit
