// Tells the operator of phones that will hear nothing.
#pragma once

#include <string_view>

#include "acl/address.hpp"
#include "acl/rate.hpp"
#include "sbc/flow.hpp"
#include "sbc/lru.hpp"

namespace postern::sbc {

struct State;

class AudioWatch {
 public:
  explicit AudioWatch(State& state) : state_(state) {}

  /// A message for `device`, which is outside, asks it to send audio to `inside` (sbc/sdp.hpp). Logged once a device (of so many as are
  /// remembered), and again where `pbx.media_address` has changed or it is another's address.
  void tell(const acl::Address& inside, const Flow& access, std::string_view device, std::string_view call_id, acl::TimePoint now);

 private:
  static constexpr std::size_t devices = 10'000;

  State& state_;
  LruTexts told_{devices, devices};  ///< empty texts: that they are there is all
};

}  // namespace postern::sbc
