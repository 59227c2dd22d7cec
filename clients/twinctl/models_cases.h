// `models validate --jsonl`: cases in, answers out, one a line. For test corpora, and for programs
// that check many sets of models with one process. docs/twinctl.md has the format.
#ifndef TWIN_CLIENTS_TWINCTL_MODELS_CASES_H_
#define TWIN_CLIENTS_TWINCTL_MODELS_CASES_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "clients/twinctl/input.h"
#include "clients/twinctl/output.h"
#include "models/dtdl/json.h"
#include "models/dtdl/parse.h"

namespace twin::twinctl {

// Answers one case after the other. Memory is that of the largest case.
class CaseAnswerer {
 public:
  // `defaults` hold where a case does not say otherwise.
  explicit CaseAnswerer(dtdl::ParseOptions defaults) : defaults_(std::move(defaults)) {}

  // The answer to a line, as a line without its end. A line that is no case is answered with
  // {"id", "line", "error"}, and counted.
  std::string Answer(absl::string_view line);

  // Answers all lines; empty ones are passed over. Fails when reading fails.
  absl::Status AnswerAll(InputFile* file, std::ostream& out);

  int64_t cases() const { return cases_; }
  int64_t refused() const { return refused_; }

 private:
  std::string Refuse(absl::string_view id, absl::string_view error);

  const dtdl::ParseOptions defaults_;
  dtdl::JsonParser parser_;
  int64_t line_ = 0;  // of the current file, from 1
  int64_t cases_ = 0;
  int64_t refused_ = 0;
};

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_MODELS_CASES_H_
