// Whom an event reaches: the memory of refusals, which gives it its id, the log, and alerts.
#pragma once

#include "sbc/event.hpp"
#include "sbc/net/alerts.hpp"
#include "sbc/net/log.hpp"
#include "sbc/net/refusals.hpp"

namespace postern::net {

/// Called from any worker's thread. What it is given must outlive it.
class EventFan final : public sbc::EventSink {
 public:
  EventFan(Log& log, Refusals& refusals, Alerts& alerts) : log_(log), refusals_(refusals), alerts_(alerts) {}

  void on_event(const sbc::Event& event) override;

 private:
  Log& log_;
  Refusals& refusals_;
  Alerts& alerts_;
};

}  // namespace postern::net
