// What Parse found in a set of models, for people and for programs.
#ifndef TWIN_CLIENTS_TWINCTL_FINDINGS_H_
#define TWIN_CLIENTS_TWINCTL_FINDINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "clients/twinctl/console.h"
#include "clients/twinctl/input.h"
#include "clients/twinctl/output.h"
#include "models/dtdl/parse.h"

namespace twin::twinctl {

// A place where a text names an element that no text defines.
struct UndefinedReference {
  std::string id;
  uint32_t document = 0;
  int line = 1;
  int column = 1;
  uint32_t begin = 0;
  uint32_t end = 0;
};
std::vector<UndefinedReference> FindUndefinedReferences(const std::vector<InputText>& texts,
                                                        const std::vector<std::string>& undefined);

// The texts and what Parse said of them. Both must outlive it.
class Findings {
 public:
  Findings(const std::vector<InputText>* texts, const dtdl::ParseResult* result);

  bool valid() const { return result_.verdict == dtdl::Verdict::kValid; }

  // Each finding with its place, the line of the text and the way out, on console.err. An undefined
  // id is shown where it is first named.
  void Print(const Console& console, bool warnings) const;

  // "14 interfaces valid (DTDL 3)", "3 errors, 1 warning in 2 of 14 files", "incomplete: ...".
  std::string Summary() const;

  // As a document {"verdict", "errors", "warnings", "unresolved", "references", "dropped",
  // "interfaces"}; as rows the findings alone, and one of severity "unresolved" for each reference
  // to an undefined id.
  Data AsData() const;

 private:
  Json Row(const dtdl::Diagnostic& diagnostic) const;
  Json Row(const UndefinedReference& reference) const;
  int CountInterfaces() const;

  const std::vector<InputText>& texts_;
  const dtdl::ParseResult& result_;
  std::vector<UndefinedReference> references_;  // by text, then by place
  int errors_ = 0;
  int warnings_ = 0;
};

// "1 error", "2 errors".
std::string Count(int64_t count, absl::string_view noun);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_FINDINGS_H_
