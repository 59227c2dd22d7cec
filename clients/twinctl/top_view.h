// What `twinctl top` shows: the difference between two looks at a server.
#ifndef TWIN_CLIENTS_TWINCTL_TOP_VIEW_H_
#define TWIN_CLIENTS_TWINCTL_TOP_VIEW_H_

#include <string>
#include <vector>

#include "clients/twinctl/output.h"
#include "clients/twinctl/terminal.h"
#include "twingraph/v1/admin_service.pb.h"

namespace twin::twinctl {

// How often things happened, and how long they took, between two looks. Immutable.
class TopView {
 public:
  //   before: an earlier answer of the same server, or an empty one: then all since its start
  TopView(const twingraph::v1::StatusResponse& before, const twingraph::v1::StatusResponse& now);

  // For people, in lines that fit. At most `rows` of them; 0: all.
  std::vector<std::string> Lines(const std::string& address, int columns, int rows,
                                 const Style& style) const;
  // For programs.
  Json ToJson() const;

 private:
  struct Method {
    std::string name;
    double per_second = 0;
    double failed_per_second = 0;
    double p50_ms = -1;  // less than 0: none ended
    double p99_ms = -1;
  };

  double PerSecond(uint64_t before, uint64_t now) const;
  void AddMethods(const twingraph::v1::StatusResponse& before);
  void AppendMethods(const Style& style, std::vector<std::string>* lines) const;
  void AppendSubscriptions(const Style& style, std::vector<std::string>* lines) const;

  const twingraph::v1::StatusResponse now_;
  double seconds_ = 1;
  double frames_ = 0, values_ = 0, batches_ = 0, rejects_ = 0, bytes_ = 0;  // a second
  double changes_ = 0, syncs_ = 0, delivered_ = 0, queries_ = 0, queries_failed_ = 0;
  double predictions_ = 0, prediction_failures_ = 0;
  double cpu_percent_ = 0;
  double batch_p50_ms_ = -1, batch_p99_ms_ = -1;
  std::vector<Method> methods_;  // the busiest first
};

// The length that so large a share of entries does not pass, in milliseconds, within its class;
// less than 0: there are none. `before` has what to leave out.
double LatencyPercentileMs(const twingraph::v1::Latency& before, const twingraph::v1::Latency& now,
                           double share);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_TOP_VIEW_H_
