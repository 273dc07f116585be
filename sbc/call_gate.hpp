// Class of service: what a device may have the PBX call.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "acl/call_policy.hpp"
#include "sbc/credentials.hpp"
#include "sbc/dialog.hpp"
#include "sbc/flow.hpp"
#include "sbc/state.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

class Jail;

/// Neither an `allow` rule nor `trusted` opens it. Nothing here allocates, but for a token that has to be opened.
class CallGate {
 public:
  explicit CallGate(State& state) : state_(state) {}

  /// A request that may have the PBX call somebody.
  struct Question {
    const sip::RawMessage& request;
    std::string_view user;  ///< of the restored Request-URI
    const Dialog& dialog;
    const Flow& flow;
    const CredentialsVerdict& credentials;
    bool proven = false;  ///< it shows where it comes from
  };
  /// What is not allowed; the texts hold until the next question.
  struct Denial {
    std::string_view number;        ///< as acl::DialledNumber has it; empty: none that could be read
    std::string_view number_class;  ///< empty: it is in none
    bool trap = false;              ///< a REFER's target whom nobody legit calls (jail.trap_extensions): it is answered as any trap is
  };

  /// Asked of INVITEs that are of no dialog of ours (nor, by Replaces and a Contact of ours, take one over), and of every REFER. With
  /// credentials that reach the PBX both the From user and theirs have to be allowed; in a dialog, where the PBX asks for none, who is
  /// registered over the flow, and if nobody is, what everybody may call. What is denied is told to `jail` and counted
  /// (RefusedDestination), and so is each target of a REFER: without `calls` too, and whatever comes of it. nullopt: it may go on.
  std::optional<Denial> judge(const Question& question, Jail& jail, TimePoint now);
  /// May the phone at this flow send a call on to that user? `own_user`: its name in To.
  std::optional<Denial> judge_redirect(std::string_view user, std::string_view own_user, const Flow& flow, TimePoint now);

 private:
  static constexpr std::size_t most_callers = 2 + CredentialsVerdict::most_headers;

  std::optional<Denial> judge_refer(const Question& question, Jail& jail, TimePoint now);
  /// One element of a Refer-To; empty: one that could not be read.
  std::optional<Denial> judge_target(std::string_view element, const Question& question, Jail& jail, TimePoint now);
  /// `user` as it stands in a URI.
  std::optional<Denial> judge_user(std::string_view user, const Flow& flow);
  void note(const Question& question, bool denied, Jail& jail, TimePoint now);
  void find_callers(const Question& question, TimePoint now);
  void called_by(std::string_view user);
  /// Who is registered over the flow, `user` if it is; `otherwise`: if nobody is.
  void called_over(const Flow& flow, std::string_view user, std::string_view otherwise, TimePoint now);

  State& state_;
  const acl::CallPolicy* policy_ = nullptr;
  std::array<std::string_view, most_callers> callers_;
  std::size_t caller_count_ = 0;
  std::array<char, 256> caller_{}, user_{};
  std::optional<acl::DialledNumber> number_;
};

}  // namespace postern::sbc
