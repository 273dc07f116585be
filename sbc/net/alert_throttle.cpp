#include "sbc/net/alert_throttle.hpp"

#include <algorithm>
#include <utility>

namespace postern::net {
namespace {

/// The newer of two of one kind, with the older counted in it.
Alert joined(Alert older, Alert newer) {
  newer.more = older.more + 1;
  newer.more_subjects = std::move(older.more_subjects);
  const bool named = std::ranges::find(newer.more_subjects, older.subject) != newer.more_subjects.end();
  if (!named && newer.more_subjects.size() < AlertThrottle::most_subjects) newer.more_subjects.push_back(std::move(older.subject));
  return newer;
}

}  // namespace

std::optional<Alert> AlertThrottle::admit(Alert alert, TimePoint now) {
  if (alert.goes_at_once()) return alert;
  Kind& kind = kinds_.at(static_cast<std::size_t>(alert.kind));
  if (kind.held) alert = joined(std::move(*kind.held), std::move(alert));
  kind.held.reset();
  if (kind.sent && now < *kind.sent + interval_) {
    kind.held = std::move(alert);
    return std::nullopt;
  }
  kind.sent = now;
  return alert;
}

std::vector<Alert> AlertThrottle::due(TimePoint now) {
  std::vector<Alert> out;
  for (Kind& kind : kinds_) {
    if (!kind.held || now < *kind.sent + interval_) continue;
    out.push_back(std::move(*kind.held));
    kind.held.reset();
    kind.sent = now;
  }
  return out;
}

std::optional<AlertThrottle::TimePoint> AlertThrottle::next() const {
  std::optional<TimePoint> next;
  for (const Kind& kind : kinds_) {
    if (kind.held && (!next || *kind.sent + interval_ < *next)) next = *kind.sent + interval_;
  }
  return next;
}

}  // namespace postern::net
