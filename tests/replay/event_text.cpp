#include "tests/replay/event_text.hpp"

#include <map>
#include <string_view>

namespace postern::replay {
namespace {

const std::map<sbc::EventKind, std::string_view> event_words{{sbc::EventKind::refused, "refused"},
                                                             {sbc::EventKind::refused_other, "refused_other"},
                                                             {sbc::EventKind::connection_refused, "connection_refused"},
                                                             {sbc::EventKind::unban, "unban"},
                                                             {sbc::EventKind::would_refuse, "would_refuse"},
                                                             {sbc::EventKind::would_ban, "would_ban"},
                                                             {sbc::EventKind::strike, "strike"},
                                                             {sbc::EventKind::ban, "ban"},
                                                             {sbc::EventKind::block, "block"},
                                                             {sbc::EventKind::registered, "registered"},
                                                             {sbc::EventKind::unregistered, "unregistered"},
                                                             {sbc::EventKind::redirect_blocked, "redirect_blocked"},
                                                             {sbc::EventKind::call_prefixes, "call_prefixes"},
                                                             {sbc::EventKind::answer_concealed, "answer_concealed"},
                                                             {sbc::EventKind::opaque_not_returned, "opaque_not_returned"},
                                                             {sbc::EventKind::callers_hidden, "callers_hidden"},
                                                             {sbc::EventKind::no_audio_likely, "no_audio_likely"},
                                                             {sbc::EventKind::emergency_call, "emergency_call"},
                                                             {sbc::EventKind::new_country, "new_country"},
                                                             {sbc::EventKind::pbx_down, "pbx_down"},
                                                             {sbc::EventKind::pbx_up, "pbx_up"},
                                                             {sbc::EventKind::suppressed, "suppressed"}};

}  // namespace

std::string text_of(const testing::RecordedEvent& event) {
  std::string out(event_words.at(event.kind));
  const auto add = [&out](std::string_view key, std::string_view value) {
    if (!value.empty()) out.append(" ").append(key).append("=").append(value);
  };
  add("reason", event.cause ? sbc::word_of(*event.cause) : sbc::info(event.reason).word);
  add("rule", event.rule);
  if (event.kind == sbc::EventKind::emergency_call) add("proof", event.proven ? "proven" : "unproven");
  add("source", event.source);
  add("country", event.country);
  add("method", event.method);
  add("device", event.device);
  add("class", event.number_class);
  add("number", event.number);
  add("call_id", event.call_id);
  add("user_agent", event.user_agent);
  add("detail", event.detail);
  add("address", event.address);
  add("message", event.message);
  if (event.duration.count() != 0) add("duration", std::to_string(event.duration.count()));
  if (event.count != 0) add("count", std::to_string(event.count));
  return out;
}

}  // namespace postern::replay
