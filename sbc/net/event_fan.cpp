#include "sbc/net/event_fan.hpp"

#include <string>

namespace postern::net {

void EventFan::on_event(const sbc::Event& event) {
  sbc::Event told = event;
  std::string id;
  if (log_.shows(event)) {
    id = refusals_.remember(event);
    told.id = id;
    log_.on_event(told);
  }
  alerts_.on_event(told);
}

}  // namespace postern::net
