// A standing query on a terminal or in a pipe.
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "clients/cpp/events.h"
#include "clients/tabular/values.h"
#include "clients/twinctl/enough.h"
#include "clients/twinctl/query.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

class ChangePrinter {
 public:
  ChangePrinter(const WatchQueryOptions& options, const Console& console)
      : console_(console),
        is_text_(options.output.empty() ? console.out_columns > 0 : options.output == "text"),
        count_(options.count) {}

  absl::Status Print(const v1::WatchQueryResponse& message) {
    if (message.reset()) Reset(message);
    for (const v1::RowChange& change : message.changes()) {
      if (is_text_) {
        PrintText(change, message.time_unix_nano());
      } else {
        PrintJson(change);
      }
      if (++printed_ != count_ || count_ == 0) continue;
      console_.out.flush();
      return Enough();
    }
    console_.out.flush();
    return console_.out ? absl::OkStatus() : absl::CancelledError("stdout");
  }

 private:
  void Reset(const v1::WatchQueryResponse& message) {
    if (!is_text_) console_.out << R"({"change":"reset"})" << '\n';
    if (has_begun_) {
      Note("the connection stands again; the whole result follows");
      return;
    }
    has_begun_ = true;
    for (const std::string& notice : message.notices()) Note(Printable(notice));
    if (is_text_ && !message.evaluated_whole_because().empty()) {
      Note(absl::StrCat("the whole query is evaluated at each change: ",
                        Printable(message.evaluated_whole_because())));
    }
  }
  void Note(const std::string& text) {
    console_.err << console_.err_style.Paint(Tone::kHint, "note:") << ' ' << text << '\n';
  }

  void PrintText(const v1::RowChange& change, int64_t time) {
    const Style& style = console_.out_style;
    const std::string row = Printable(change.row());
    console_.out << style.Paint(Tone::kFaint, tabular::FormatTime(time)) << "  ";
    if (change.kind() == v1::RowChange::REMOVED) {
      console_.out << style.Paint(Tone::kFaint, absl::StrCat("- ", row));
    } else if (change.kind() == v1::RowChange::CHANGED) {
      console_.out << style.Paint(Tone::kHint, "~ ") << row;
    } else {
      console_.out << style.Paint(Tone::kGood, "+ ") << row;
    }
    console_.out << '\n';
  }

  void PrintJson(const v1::RowChange& change) {
    const char* const kind = change.kind() == v1::RowChange::REMOVED   ? "removed"
                             : change.kind() == v1::RowChange::CHANGED ? "changed"
                                                                       : "added";
    console_.out << R"({"change":")" << kind << R"(","key":")"
                 << absl::BytesToHexString(change.key()) << R"(","row":)" << change.row() << "}\n";
  }

  const Console& console_;
  const bool is_text_;
  const uint64_t count_;
  uint64_t printed_ = 0;
  bool has_begun_ = false;
};

}  // namespace

absl::Status WatchQuery(const WatchQueryOptions& options, const std::string& text,
                        client::Client* client, const Console& console) {
  QueryOptions query;
  query.parameters = options.parameters;
  query.dialect = options.dialect;
  const absl::StatusOr<v1::QueryRequest> request = MakeQueryRequest(query, text);
  if (!request.ok()) return request.status();
  v1::WatchQueryRequest watch;
  watch.set_text(text);
  watch.set_dialect(request->dialect());
  *watch.mutable_parameters() = request->parameters();
  watch.set_interval_ms(options.interval_ms);
  ChangePrinter printer(options, console);
  const absl::Status status = client::EventClient(client).WatchQuery(
      watch, options.connection,
      [&](const v1::WatchQueryResponse& message) { return printer.Print(message); });
  if (IsEnough(status)) return absl::OkStatus();
  return PointAt(status, text);
}

}  // namespace twin::twinctl
