// Which hosts and ports are hidden, and what is shown in their place (sip-behaviour.md, Via, routes, and what is hidden).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sbc/flow.hpp"
#include "sbc/hidden_words.hpp"
#include "sbc/mac.hpp"
#include "sbc/options.hpp"
#include "sbc/plain_text.hpp"

namespace postern::sbc {

/// An address as it stands in a URI or Via.
struct PublicName {
  std::string host;                          ///< IPv6 with brackets
  std::uint16_t port = 0;                    ///< 0: none shown
  std::string host_port;                     ///< "host" or "host:port"
  std::optional<acl::Address> address = {};  ///< the host, if it is one
};

/// A host by which the access side knows us or the PBX behind us.
enum class ShownAs : std::uint8_t {
  none,    ///< it is none of these
  domain,  ///< `public_domain`
  name,    ///< what address_for() shows
  local,   ///< the address of ours that the peer spoke to
};

/// One a worker: it remembers what it showed to whom.
class Names {
 public:
  /// Names nothing yet.
  Names() = default;
  Names(const EngineOptions& options, Mac& mac) { apply(options, mac); }
  /// `options.pbx.bind` is set. `mac` is used once, for Call-ID markers. What was hidden before stays marked in Call-IDs, as those of
  /// running calls must not change.
  void apply(const EngineOptions& options, Mac& mac);

  /// Our address as the peer of an access flow is shown it: in Via, Contact and Record-Route.
  const PublicName& address_for(const Flow& access);
  /// The host shown where the PBX writes its own: `public_domain`, else the address.
  const PublicName& domain_for(const Flow& access);

  /// Our own address on the core side, "10.0.0.2:5080".
  [[nodiscard]] const std::string& core_address() const { return core_address_; }
  /// The same as it stands in a URI that the PBX sends to: behind it the transport, if that is not UDP.
  [[nodiscard]] const std::string& core_uri_address() const { return core_uri_address_; }
  /// Our Via toward the PBX as far as its branch: "SIP/2.0/UDP 10.0.0.2:5080;branch=".
  [[nodiscard]] const std::string& core_via() const { return core_via_; }
  /// "host:port" of the Request-URI toward the PBX: `domain` and the hidden port.
  [[nodiscard]] const std::string& pbx_host_port(std::size_t pbx = 0) const {
    return pbx_host_ports_[pbx < pbx_host_ports_.size() ? pbx : 0];
  }

  /// A host by which the core side could be known: the PBX's addresses and `domain`, and our core address.
  [[nodiscard]] bool hides(std::string_view host) const;
  /// Our own core-side host (tokens given to the PBX stand before it).
  [[nodiscard]] bool is_core_address(std::string_view host) const;
  /// The same with a port that we or another worker send from there (0: none written, which means 5060).
  [[nodiscard]] bool is_core_address(std::string_view host, std::uint16_t port) const;
  /// What is written in the place of such a host in SDP (`pbx.media_address`), if anything is.
  [[nodiscard]] const std::optional<acl::Address>& media_address() const { return media_address_; }
  [[nodiscard]] ShownAs shown_as(std::string_view host, const Flow& access);
  /// The host that shown_as() took for this one; empty for `none`.
  [[nodiscard]] std::string host_shown_as(ShownAs shown, const Flow& access);

  /// Appends a sip: URI's host and port as the access side may see them; they are known to be hidden ones.
  void append_public(std::string& out, std::uint16_t port, std::string_view port_text, const Flow& access);
  /// The host that stands for the PBX toward the core: `domain` or its address.
  [[nodiscard]] const std::string& pbx_host() const { return pbx_host_; }

  /// Does text name a hidden host, as a whole word and in whatever spelling, or a port that only the core side has?
  [[nodiscard]] bool mentions_hidden(std::string_view text) const;
  /// Appends text with every hidden host (and the hidden port behind it) as the access side may see it, with the token before a hidden
  /// host cut off, and without the hidden port of other hosts: for values that are no URIs (Warning, bodies that we know).
  void append_hidden(std::string& out, std::string_view text, const Flow& access);

  /// Call-IDs keep their identity. Toward the access side a hidden host in one becomes a keyed marker, and is put back from it on the way
  /// in. A hidden host that the access side wrote itself (a phone set to the PBX's domain) is marked toward the core, and put back on the
  /// way out: each side gets what it wrote. False: nothing to do, nothing appended.
  bool append_marked(std::string& out, std::string_view call_id) const;
  bool append_unmarked(std::string& out, std::string_view call_id) const;
  /// Does text, of the core, hold what stands for a name that the access side wrote?
  [[nodiscard]] bool holds_access_marker(std::string_view text) const;
  /// Of a body toward the core: only what we marked is put back.
  bool append_unmarked_body(std::string& out, std::string_view body) const;

 private:
  struct Hidden {
    std::string text;  ///< as written, no brackets
    bool is_address = false;
    bool shown = false;         ///< it is the public name as well: only ports and tokens are hidden with it
    std::string core_marker;    ///< stands toward the access side for what the core wrote
    std::string access_marker;  ///< stands toward the core for what the access side wrote
  };
  class Finder;
  /// The hidden host at [begin, end) of plain, and what belongs to it; returns where the text goes on.
  std::size_t append_host(std::string& out, const PlainText& plain, std::size_t begin, std::size_t end, const Flow& access);
  [[nodiscard]] bool may_hold(std::string_view text) const;
  bool swap_markers(std::string& out, std::string_view call_id, std::string Hidden::* put, std::string Hidden::* taken) const;
  /// Appends text with what the finder finds in it swapped. False: nothing to do, or not to be undone; nothing appended.
  static bool swap(std::string& out, std::string_view text, Finder& finder);
  void add_hidden(std::string text, Mac& mac);
  void keep_former(std::vector<Hidden> before);
  [[nodiscard]] bool is_core_port(std::uint16_t port) const { return port >= first_core_port_ && port - first_core_port_ < core_ports_; }
  [[nodiscard]] bool is_hidden_port(std::uint16_t port) const;
  /// Does nobody on the access side use it: behind a foreign host it may be hidden, too?
  [[nodiscard]] bool is_telling_port(std::uint16_t port) const;

  std::vector<ListenerOptions> listeners_;
  std::vector<Endpoint> pbx_;
  Endpoint bind_;
  std::uint16_t first_core_port_ = 0, core_ports_ = 1;  ///< of all workers
  std::string public_domain_;
  std::optional<acl::Address> media_address_;
  PublicName public_domain_name_;
  std::vector<Hidden> hidden_;
  std::vector<Hidden> former_;  ///< by earlier configurations; bounded
  HiddenWords words_;
  std::string core_address_, core_via_, core_uri_address_, pbx_host_;
  std::vector<std::string> pbx_host_ports_;

  struct ShownKey {
    std::uint8_t listener = 0;
    acl::Address local;
    int advertise = -1;
    bool operator==(const ShownKey&) const = default;
  };
  struct ShownHash {
    std::size_t operator()(const ShownKey& key) const;
  };
  std::unordered_map<ShownKey, PublicName, ShownHash> shown_;  ///< bounded by clearing
};

}  // namespace postern::sbc
