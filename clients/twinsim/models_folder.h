// The ontology as a program finds it and an import file carries it.
#ifndef TWIN_CLIENTS_TWINSIM_MODELS_FOLDER_H_
#define TWIN_CLIENTS_TWINSIM_MODELS_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::twinsim {

// Where the ontology may be, in this order: as installed beside a program in `program_folder`, in
// the repository of a program that was built there, in the current folder.
std::vector<std::string> ModelsFolders(const std::string& program_folder);

// The first that is a folder. NOT_FOUND: none is; the message names all.
absl::StatusOr<std::string> FindModelsFolder(absl::Span<const std::string> folders);

// The interfaces of all *.json in the folder and those below it, in the order of the files' names,
// each in one line without an end. A file holds one interface or an array of them.
// NOT_FOUND: no such folder, or it has no model. INVALID_ARGUMENT: a file is not JSON or no model.
// FAILED_PRECONDITION: no interface has one of the ids in `needed`.
absl::StatusOr<std::vector<std::string>> ReadModels(const std::string& folder,
                                                    absl::Span<const absl::string_view> needed);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_MODELS_FOLDER_H_
