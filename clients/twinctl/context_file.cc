#include "clients/twinctl/context_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#define TOML_EXCEPTIONS 0  // parse() answers with a result instead
#include <toml++/toml.h>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/input.h"
#include "models/dtdl/diagnostics.h"

namespace twin::twinctl {
namespace {

namespace fs = std::filesystem;

constexpr char kCurrent[] = "current";
constexpr char kContexts[] = "contexts";
constexpr char kAddress[] = "address";

absl::Status Malformed(const std::string& path, const toml::source_position& at,
                       absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ":", at.line, ":", at.column, ": ", what));
}

absl::StatusOr<toml::table> ReadTable(const std::string& path) {
  absl::StatusOr<InputFile> file = InputFile::Open(path);
  if (absl::IsNotFound(file.status())) return toml::table();
  if (!file.ok()) return file.status();
  const absl::StatusOr<std::string> text = file->ReadAll();
  if (!text.ok()) return text.status();
  toml::parse_result result = toml::parse(*text, path);
  if (result) return std::move(result).table();
  const std::string what(result.error().description());
  return Malformed(path, result.error().source().begin, what);
}

absl::StatusOr<Contexts> ToContexts(const std::string& path, const toml::table& table) {
  Contexts contexts;
  if (const toml::node* const current = table.get(kCurrent)) {
    if (!current->is_string()) {
      return Malformed(path, current->source().begin, "'current' is not a string");
    }
    contexts.current = current->value_or(std::string());
  }
  const toml::node* const node = table.get(kContexts);
  if (node == nullptr) return contexts;
  if (!node->is_table()) {
    return Malformed(path, node->source().begin, "'contexts' is not a table");
  }
  for (const auto& [key, value] : *node->as_table()) {
    const std::string name(key.str());
    const toml::node* const address = value.is_table() ? value.as_table()->get(kAddress) : nullptr;
    if (address == nullptr || !address->is_string()) {
      return Malformed(path, value.source().begin,
                       absl::StrCat("the context '", name, "' has no address; write [contexts.",
                                    name, "] and below it address = \"HOST:PORT\""));
    }
    contexts.addresses[name] = address->value_or(std::string());
  }
  return contexts;
}

absl::Status CannotWriteContexts(const std::string& path, const std::string& why) {
  return absl::UnknownError(absl::StrCat("cannot write '", path, "': ", why));
}

// The file as a whole, or not at all.
absl::Status WriteTable(const std::string& path, const toml::table& table) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  if (error) return CannotWriteContexts(path, error.message());
  std::ostringstream text;
  text << table << '\n';
  const std::string written = path + ".partial";
  errno = 0;
  std::ofstream file(written, std::ios::trunc);
  file << text.str();
  file.close();
  if (!file) return CannotWriteContexts(path, std::strerror(errno));
  fs::rename(written, path, error);
  return error ? CannotWriteContexts(path, error.message()) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<Contexts> ReadContexts(const std::string& path) {
  const absl::StatusOr<toml::table> table = ReadTable(path);
  if (!table.ok()) return table.status();
  return ToContexts(path, *table);
}

absl::Status SetContext(const std::string& path, const std::string& name,
                        const std::string& address) {
  absl::StatusOr<toml::table> table = ReadTable(path);
  if (!table.ok()) return table.status();
  const absl::StatusOr<Contexts> contexts = ToContexts(path, *table);
  if (!contexts.ok()) return contexts.status();
  if (contexts->addresses.empty()) table->insert_or_assign(kCurrent, name);
  if (table->get(kContexts) == nullptr) table->insert(kContexts, toml::table());
  toml::table& all = *table->get(kContexts)->as_table();
  if (all.get(name) == nullptr) all.insert(name, toml::table());
  all.get(name)->as_table()->insert_or_assign(kAddress, address);
  return WriteTable(path, *table);
}

absl::Status UseContext(const std::string& path, const std::string& name) {
  absl::StatusOr<toml::table> table = ReadTable(path);
  if (!table.ok()) return table.status();
  const absl::StatusOr<Contexts> contexts = ToContexts(path, *table);
  if (!contexts.ok()) return contexts.status();
  if (contexts->addresses.count(name) == 0) {
    std::vector<absl::string_view> known;
    for (const auto& [other, address] : contexts->addresses) known.push_back(other);
    const std::string hint = dtdl::DidYouMean(name, known);
    return absl::NotFoundError(
        absl::StrCat("no context is called '", name, "' in ", path,
                     hint.empty() ? "; 'twinctl context set' makes one" : "; ", hint));
  }
  table->insert_or_assign(kCurrent, name);
  return WriteTable(path, *table);
}

}  // namespace twin::twinctl
