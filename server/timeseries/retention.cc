#include "server/timeseries/retention.h"

#include <algorithm>

#include "server/timeseries/group.h"

namespace twin::timeseries {
namespace {

constexpr size_t kRulesMax = 255;

int64_t LongestOf(int64_t a, int64_t b) { return a == 0 || b == 0 ? 0 : std::max(a, b); }

}  // namespace

Retention Longest(const Retention& a, const Retention& b) {
  return {.raw = LongestOf(a.raw, b.raw),
          .samples = LongestOf(a.samples, b.samples),
          .rollups = LongestOf(a.rollups, b.rollups)};
}

int64_t OldestDayKept(int64_t kept_ns, int64_t now) {
  return kept_ns == 0 || now < INT64_MIN + kept_ns ? INT64_MIN : DayOf(now - kept_ns);
}

void RetentionRules::Assign(uint32_t groups, absl::FunctionRef<Retention(GroupId group)> rule_of) {
  uint32_t first = 0;
  {
    const MutexLock lock(&mutex_);
    first = static_cast<uint32_t>(of_group_.size());
  }
  for (uint32_t number = first; number < groups; ++number) {
    const Retention rule = rule_of(GroupId{number});
    const MutexLock lock(&mutex_);
    of_group_.push_back(NumberOf(rule));
  }
}

uint8_t RetentionRules::NumberOf(const Retention& rule) {
  const auto found = std::find(rules_.begin(), rules_.end(), rule);
  if (found != rules_.end()) return static_cast<uint8_t>(found - rules_.begin());
  if (rules_.size() < kRulesMax) {
    rules_.push_back(rule);
  } else {
    if (rules_.size() == kRulesMax) rules_.push_back(rules_[0]);
    rules_.back() = Longest(rules_.back(), rule);
  }
  return static_cast<uint8_t>(rules_.size() - 1);
}

uint8_t RetentionRules::Of(GroupId group) const {
  const MutexLock lock(&mutex_);
  return group.value < of_group_.size() ? of_group_[group.value] : 0;
}

bool RetentionRules::OfEach(absl::Span<const GroupId> groups, std::vector<uint8_t>* found) const {
  std::vector<bool> has(kRulesMax + 1, false);
  bool all_given = true;
  {
    const MutexLock lock(&mutex_);
    for (const GroupId group : groups) {
      const bool is_given = group.value < of_group_.size();
      all_given &= is_given;
      has[is_given ? of_group_[group.value] : 0] = true;
    }
  }
  found->clear();
  for (size_t rule = 0; rule < has.size(); ++rule) {
    if (has[rule]) found->push_back(static_cast<uint8_t>(rule));
  }
  return all_given;
}

size_t RetentionRules::size() const {
  const MutexLock lock(&mutex_);
  return rules_.size();
}

std::vector<Retention> RetentionRules::All() const {
  const MutexLock lock(&mutex_);
  return rules_;
}

}  // namespace twin::timeseries
