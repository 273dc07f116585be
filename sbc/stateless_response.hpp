// Responses to requests that were under way when we started: their way stands in our branch (RFC 3261 §16.11).
#pragma once

#include <string>
#include <string_view>

#include "sbc/outbox.hpp"
#include "sbc/outcome.hpp"
#include "sbc/redirects.hpp"
#include "sbc/rewrite.hpp"
#include "sbc/state.hpp"
#include "sbc/veil.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

class StatelessResponses {
 public:
  StatelessResponses(State& state, InwardRewriter& inward, OutwardRewriter& outward, Redirects& redirects)
      : state_(state), veil_(state.names, state.tokens), inward_(inward), outward_(outward), redirects_(redirects) {}

  /// Puts the response into `out` as whoever asked may read it. Not passed on are those to REGISTER (what they tell has to be remembered,
  /// and the device asks again within seconds), 100, and provisional ones to anything but INVITE (RFC 4320 §4.1).
  Outcome pass(const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out);

 private:
  Outcome from_core(const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out);
  Outcome from_access(const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out);
  /// The request's header section as far as its response tells it, in the asker's own words. False: nobody that could be answered is behind
  /// us.
  bool read_head(const sip::RawMessage& response, const Asker& asker);
  /// The topmost, which the answer goes to, has to be a good one; those behind it are read by nobody here.
  bool add_vias(const sip::RawMessage& response, const Asker& asker);
  void add_party(const sip::RawMessage& response, sip::HeaderName name, const ShownHost& shown, const Asker& asker);
  /// His own words, or those of the PBX.
  void append_words(std::string_view words, const Asker& asker);
  void add_words(std::string_view name, std::string_view words, const Asker& asker);
  void add_line(std::string_view name, std::string_view value);

  State& state_;
  Veil veil_;
  InwardRewriter& inward_;
  OutwardRewriter& outward_;
  Redirects& redirects_;
  std::string head_, text_, message_;
};

}  // namespace postern::sbc
