// Digital Twin Model Identifiers: dtmi:<label>{:<label>}[;<version>][#<fragment>].
// Source: DTMI specification, https://github.com/Azure/opendigitaltwins-dtdl (DTMI section).
#ifndef TWIN_MODELS_DTDL_DTMI_H_
#define TWIN_MODELS_DTDL_DTMI_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace twin::dtdl {

// An identifier in its parts. A value type; compares byte-wise by its text.
class Dtmi {
 public:
  // INVALID_ARGUMENT: not a DTMI; the message says which part is wrong and what it may be.
  static absl::StatusOr<Dtmi> Parse(absl::string_view text);

  const std::string& text() const { return text_; }
  // Labels that begin with '_' are system labels: only generated ids have them.
  const std::vector<std::string>& labels() const { return labels_; }
  // 0 where the text has none. ";3.14" is major 3, minor 14, complete 3.000014.
  int major_version() const { return major_; }
  int minor_version() const { return minor_; }
  double complete_version() const { return major_ + minor_ / 1e6; }
  bool has_version() const { return major_ > 0; }
  // With its '#', or empty.
  const std::string& fragment() const { return fragment_; }
  // The text without its version, with its fragment.
  std::string Versionless() const;
  // Has a system label or a system fragment.
  bool IsReserved() const;

  friend bool operator==(const Dtmi& a, const Dtmi& b) { return a.text_ == b.text_; }

 private:
  std::string text_;
  std::vector<std::string> labels_;
  std::string fragment_;
  int major_ = 0;
  int minor_ = 0;
};

// Whether `text` may be written as an id in a model of that version of the language: user labels
// only, no fragment; a version of one number in DTDL 2, optional and with a minor one from 3 on.
bool IsModelId(absl::string_view text, int language_version);

// "dtmi:a:b;3.1" in two: the id without version and the version as major * 1,000,000 + minor
// (0 where there is none), by which later versions of a model compare greater. For ids of models.
struct IdAndVersion {
  absl::string_view id;
  int64_t version = 0;
};
IdAndVersion SplitVersion(absl::string_view dtmi);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_DTMI_H_
