// What our branches carry behind their id, so that an answer finds its way when nobody remembers the request (docs/adr/0009).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sbc/branch.hpp"
#include "sbc/ctr.hpp"
#include "sbc/flow.hpp"
#include "sbc/listeners.hpp"
#include "sbc/mac.hpp"
#include "sbc/names.hpp"

namespace postern::sbc {

/// How a name of ours stood in a URI where the PBX was shown its own.
struct ShownHost {
  ShownAs as = ShownAs::none;
  bool port = false;  ///< behind it stood our port
  bool operator==(const ShownHost&) const = default;
};

/// Whom a request of the access side came from, and what its answer has to repeat of his own words.
struct Asker {
  Flow flow;             ///< UDP only: a connection does not outlive us
  std::uint8_t pbx = 0;  ///< which of PbxOptions::addresses it was sent to
  ShownHost from;
  ShownHost to;
  bool named_hidden = false;  ///< he wrote a hidden name himself into Via, From, To or Call-ID
};

/// The PBX's request that an answer from the access side belongs to.
struct CoreAsker {
  Flow flow;
  std::string via;  ///< its top Via, byte for byte
};

/// Toward the core the flow stands behind the id in the clear, with a MAC over both: 52 letters behind the cookie (IPv4). Toward the access
/// side the PBX and its Via are hidden, and the id itself is the MAC over them, the method and the device's address (branch_id_of): 44
/// letters for an Asterisk. What is too long or too odd gets a branch that is only an id. One a worker.
class Branches {
 public:
  /// `mac` must outlive it.
  explicit Branches(Mac& mac);
  /// What branches lead to, before the first one. A flow names its listener by our own address and port, as in a token.
  void apply(std::span<const Endpoint> pbx, std::span<const ListenerOptions> listeners);

  void append(std::string& out, const BranchId& id, const Asker& asker);
  /// Of the response's top Via; nullopt: not made by us, it comes from another address than the request went to, or the listener is gone.
  std::optional<Asker> open(std::string_view branch, const Flow& core);
  /// The branch (with its cookie) of the same request, sent to another address of the PBX. nullopt: it is none of ours.
  std::optional<std::string> readdressed(std::string_view branch, std::uint8_t pbx);
  /// Which of the PBX's addresses a branch of ours was sent to, unverified.
  [[nodiscard]] static std::optional<std::uint8_t> pbx_of(std::string_view branch);

  /// `id` is what branch_id_of() made of the same Via, and of the device's address.
  void append(std::string& out, const BranchId& id, const Flow& core, const sip::ViaView& top_via);
  /// Of a response that came over `access`; nullopt as above.
  std::optional<CoreAsker> open(const sip::RawMessage& response, const Flow& access);

  /// Texts that belong to a branch, for a Via parameter beside it: letters, none of them to be read. Nothing is appended if they are too
  /// long.
  void append_beside(std::string& out, const BranchId& id, std::string_view text);
  std::optional<std::string> open_beside(std::string_view letters, const BranchId& id);

 private:
  [[nodiscard]] std::uint64_t tag_of(const BranchId& id, std::string_view content);
  [[nodiscard]] BranchId vector_beside(const BranchId& id, std::string_view text);
  /// False: not one that fits.
  bool encode_via(const Flow& core, const sip::ViaView& via);

  Mac& mac_;
  Ctr ctr_;
  std::vector<ListenerAddress> listeners_;
  std::vector<Endpoint> pbx_;
  std::vector<std::string> pbx_texts_;  ///< "10.0.0.5:15060"
  std::string content_;                 ///< kept for its memory
};

}  // namespace postern::sbc
