// What the engine has to say to the operator's log.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "acl/options.hpp"
#include "sbc/cause.hpp"
#include "sbc/flow.hpp"
#include "sbc/outcome.hpp"

namespace postern::sbc {

enum class EventKind : std::uint8_t {
  refused,             ///< a registration or a call was refused
  refused_other,       ///< anything else was: logged only with `log: {level: debug}`
  connection_refused,  ///< a connection got no further than its first octets, or not so far (`detail`: why, `message`: in words)
  would_refuse,        ///< something that only counts would have: a rule with log_only, `enforce: off`, `postern bypass`
  would_ban,           ///< the jail would have banned or silenced a source, or blocked an account, if it were enforced
  strike,              ///< something speaks against a source (`cause`)
  ban,                 ///< a source is banned or silenced from now on
  block,               ///< an account (`device`) at a source is blocked or silenced from now on
  unban,               ///< its time is over
  registered,          ///< a device is registered: first time, or from another flow
  unregistered,        ///< it took itself off, or its time ran out
  redirect_blocked,    ///< a phone's 3xx became 480
  call_prefixes,       ///< a device dialled one number under many prefixes and reached it by none
  answer_concealed,  ///< the PBX told (`detail`: by which status) that it knows a user or not: who asked got a challenge as everybody does
  opaque_not_returned,  ///< a device answers challenges, but not with the opaque that it was given: its credentials do not reach the PBX
  pbx_down,             ///< an address of the PBX leaves us without answers
  pbx_up,               ///< it answers again
  callers_hidden,       ///< one private address stands for very many devices, and no public one was ever seen
  no_audio_likely,      ///< a phone outside is asked to send its audio to an address inside (`detail`)
  emergency_call,       ///< a call to an emergency number goes on, whatever stands in its way (`detail`: its Request-URI)
  new_country,          ///< a call goes to a country (`detail`) that none went to before (`number`: what was dialled)
  suppressed,           ///< `count` events of the kind `of` and this outcome were not logged one by one (floods are summarised)
};

/// Views hold during the call. Texts come from the network: the log escapes them.
struct Event {
  EventKind kind = EventKind::refused;
  std::string_view id;  ///< under which the shell remembers it; the engine gives none
  Outcome reason = Outcome::forwarded;
  std::optional<Cause> cause;  ///< of a strike, a ban and its end: the reason in the place of `reason`
  std::string_view rule;
  const acl::SourceLine* at = nullptr;  ///< where that stands; nullptr: in no file
  std::string_view packet;              ///< that was refused, or led to it; empty: there is none, or it is not known
  Endpoint source;
  std::string_view country;
  std::string_view user_agent;
  std::string_view method;
  std::string_view device;
  std::string_view call_id;
  std::string_view number, number_class;  ///< of a call that was refused for it
  Endpoint address;                       ///< of pbx_down and pbx_up: which one
  std::string_view listener;              ///< of connection_refused: its name
  std::string_view
      message;  ///< of all these, call_prefixes, emergency_call and no_audio_likely: what happened, to whom, why, and what to do
  std::string_view detail;               ///< the defect, the bad header, the listener ...
  bool proven = false;                   ///< of emergency_call and a refused call: nobody who is blind can have forged it
  std::chrono::seconds duration{0};      ///< of a ban
  EventKind of = EventKind::suppressed;  ///< of `suppressed`: the kind that was
  std::uint64_t count = 0;               ///< of a ban: the strikes that led to it
};

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void on_event(const Event& event) = 0;
};

}  // namespace postern::sbc
