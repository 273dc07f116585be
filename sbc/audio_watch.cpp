#include "sbc/audio_watch.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

#include "sbc/state.hpp"

namespace postern::sbc {

void AudioWatch::tell(const acl::Address& inside, const Flow& access, std::string_view device, std::string_view call_id,
                      acl::TimePoint now) {
  const std::string address = inside.to_string();
  const bool is_pbx = state_.names.hides(address);
  const auto& media = state_.names.media_address();
  const std::string set = media ? media->to_string() : std::string();
  const std::array<std::string_view, 4> parts{"no audio", device, set, is_pbx ? "pbx" : "another"};
  const std::uint64_t key = state_.mac.of(parts).low;
  if (told_.find(key) != nullptr || !state_.journal.admits(EventKind::no_audio_likely, Outcome::forwarded, now)) return;
  told_.put(key, {});
  const std::string message =
      is_pbx ? fmt::format(
                   "no audio likely: the PBX's SDP shows {} to a phone on the internet; set pbx.media_address or the PBX's external "
                   "media address",
                   address)
             : fmt::format(
                   "no audio likely: an SDP shows {} to a phone on the internet, which is no address of pbx.address or pbx.bind; switch "
                   "direct media off on the PBX, or set pbx.media_address or the PBX's external media address to one that it reaches",
                   address);
  Event event;
  event.kind = EventKind::no_audio_likely;
  event.source = access.peer;
  event.device = device;
  event.call_id = call_id;
  event.detail = address;
  event.message = message;
  state_.journal.write(event);
}

}  // namespace postern::sbc
