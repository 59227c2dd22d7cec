// How commands print what the server answered.
#ifndef TWIN_CLIENTS_TWINCTL_RESULTS_H_
#define TWIN_CLIENTS_TWINCTL_RESULTS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "clients/twinctl/console.h"
#include "clients/twinctl/output.h"

namespace twin::twinctl {

TableOptions TableOptionsOf(const Console& console);

// What a command did: a sentence for people, an object for programs.
void WriteDone(const std::string& sentence, const Json& object, Format format,
               const Console& console);

// An object: for people a line for each member, those of objects in it as "soh.value".
void WriteObject(const Json& object, Format format, const Console& console);
// What the lines show, as rows {"field", "value"}.
Json Fields(const Json& object);

// Rows: for people those columns, for programs all members, in CSV the columns again.
void WriteRows(const std::vector<Column>& columns, const Json& rows, Format format,
               const Console& console);

// "1 twin", "1,234,567 twins".
std::string CountOf(uint64_t count, absl::string_view noun);
// "1,234,567".
std::string WithCommas(uint64_t number);
// "3.2 MiB".
std::string BytesText(uint64_t bytes);
// ISO 8601, UTC; empty for 0, which is "never".
std::string TimeText(int64_t unix_nano);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_RESULTS_H_
