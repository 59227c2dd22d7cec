#include "server/ingest/contents_columns.h"

#include <utility>

#include "server/base/status_macros.h"

namespace twin::ingest {

absl::Status ContentsColumns::Flatten(const std::shared_ptr<const graph::Catalog>& catalog,
                                      const graph::TableSchema& table, const ValueMap& contents,
                                      const Limits& limits, std::vector<ColumnValue>* values) {
  if (catalog_ != catalog) {
    catalog_ = catalog;
    for (Form& form : forms_) form = Form();
  }
  values->clear();
  values->reserve(contents.size());
  Form& form = forms_[table.id.value % kForms];
  if (FlattenAs(form, table, contents, limits, values)) return absl::OkStatus();
  values->clear();
  TWIN_RETURN_IF_ERROR(FlattenContents(table, contents, limits, values));
  if (values->size() != contents.size()) return absl::OkStatus();
  form = Form();
  for (const auto& [name, value] : contents) {
    const graph::ColumnSchema* column = table.FindColumn(name);
    if (column == nullptr) {
      form = Form();
      return absl::OkStatus();
    }
    form.names.push_back(name);
    form.columns.push_back(table.IdOf(*column));
  }
  form.table = table.id;
  return absl::OkStatus();
}

bool ContentsColumns::FlattenAs(const Form& form, const graph::TableSchema& table,
                                const ValueMap& contents, const Limits& limits,
                                std::vector<ColumnValue>* values) {
  if (form.names.empty() || !(form.table == table.id) || form.names.size() != contents.size()) {
    return false;
  }
  for (size_t i = 0; i < contents.size(); ++i) {
    const auto& [name, value] = contents[i];
    if (name != form.names[i]) return false;
    // What is refused is for FlattenContents to refuse, and a null for it to pass over.
    absl::StatusOr<Value> checked =
        CheckValue(table.columns[form.columns[i].value], value, name, limits);
    if (!checked.ok()) return false;
    values->push_back({form.columns[i], *std::move(checked)});
  }
  return true;
}

}  // namespace twin::ingest
