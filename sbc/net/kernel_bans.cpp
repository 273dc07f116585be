#include "sbc/net/kernel_bans.hpp"

#include <cap-ng.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "acl/file_descriptor.hpp"
#include "sbc/net/thread_name.hpp"

namespace postern::net {
namespace {

using std::chrono::seconds;

constexpr seconds table_check{1};
constexpr seconds longest = std::chrono::hours{24 * 365};  // nft refuses a timeout of nine digits, and all that comes with it
constexpr std::size_t most_changes = 4096;                 // that wait: with more than these all is written anew

/// A network as the sets have it.
struct Element {
  acl::Address source;
  seconds left{0};  ///< 0: it ends now

  [[nodiscard]] const char* set() const { return source.is_v4() ? "banned4" : "banned6"; }
  [[nodiscard]] std::string key() const { return source.is_v4() ? source.to_string() : acl::Network(source, 64).to_string(); }
};

seconds left_of(acl::TimePoint until, acl::TimePoint now) {
  return std::chrono::ceil<seconds>(std::clamp<acl::Duration>(until - now, acl::Duration::zero(), longest));
}

/// Whom the jail never bans; of IPv6 at least the /64, since that is what would stand there.
acl::NetworkSet never_banned(const sbc::EngineOptions& options) {
  std::vector<acl::Network> networks;
  const auto add = [&networks](const acl::Address& address, unsigned prefix_length) {
    networks.emplace_back(address, std::min(prefix_length, address.is_v4() ? 32U : 64U));
  };
  for (const acl::Network& network : options.trusted) add(network.address(), network.prefix_length());
  for (const acl::Network& network : options.trunk_networks) add(network.address(), network.prefix_length());
  for (const acl::Address& address : options.never_banned) add(address, 128);
  for (const sbc::Endpoint& pbx : options.pbx.addresses) add(pbx.address, 128);
  return acl::NetworkSet(networks);
}

/// Without it libnftables would tell on stderr what is no news.
bool has_right() { return ::capng_get_caps_process() == 0 && ::capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) == 1; }

}  // namespace

/// What libnftables is told, and what it has to say.
class KernelBans::Table {
 public:
  explicit Table(Log& log) : log_(log) {}
  ~Table() { remove(); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// All of it, in one transaction.
  void write(std::span<const std::uint16_t> ports, const std::vector<Element>& elements) {
    std::string text = "add table inet postern\ndelete table inet postern\ntable inet postern {\n";
    for (const bool v4 : {true, false}) {
      text += fmt::format("set {} {{ type {}; flags {}timeout; size {};", v4 ? "banned4" : "banned6", v4 ? "ipv4_addr" : "ipv6_addr",
                          v4 ? "" : "interval,", most);
      std::string members;
      for (const Element& element : elements) {
        if (element.source.is_v4() == v4) members += fmt::format("{} timeout {}s,", element.key(), element.left.count());
      }
      text += members.empty() ? "}\n" : fmt::format(" elements = {{ {} }} }}\n", members);
    }
    text += fmt::format(
        "chain input {{ type filter hook input priority filter - 10; policy accept;\n"
        "meta l4proto {{ tcp, udp }} th dport {{ {0} }} ip saddr @banned4 counter drop\n"
        "meta l4proto {{ tcp, udp }} th dport {{ {0} }} ip6 saddr @banned6 counter drop\n}}\n}}\n",
        fmt::join(ports, ","));
    stands_ = run(text);
    if (stands_) told_.clear();
  }

  /// False: it has to be written whole.
  bool change(const std::vector<Element>& elements) {
    std::string text;
    for (const Element& element : elements) {
      // An element that is there keeps its end, and one that is not cannot be deleted.
      const std::string named = fmt::format("element inet postern {} {{ {}", element.set(), element.key());
      text += fmt::format("add {0} }}\ndelete {0} }}\n", named);
      if (element.left > seconds{0}) text += fmt::format("add {} timeout {}s }}\n", named, element.left.count());
    }
    return text.empty() || run(text);
  }

  /// Somebody may have flushed all rules, or these.
  [[nodiscard]] bool is_whole() { return stands_ && run("list chain inet postern input\n") && said_.find("@banned6") != std::string::npos; }

  void remove() {
    if (std::exchange(stands_, false)) run("add table inet postern\ndelete table inet postern\n");
  }

  /// One that a killed run has left. Nothing is told: mostly there is none, and who has it off may lack the right to look, or a kernel that
  /// has tables.
  void remove_left() {
    if (has_right() && open()) nft_run_cmd_from_buffer(context_.get(), "delete table inet postern\n");
  }

 private:
  struct Free {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
  };

  bool open() {
    if (context_ != nullptr) return true;
    // Where there are no such sockets (RestrictAddressFamilies of a unit, say) nft_ctx_new() would end the process.
    if (!acl::FileDescriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER))) return false;
    context_.reset(nft_ctx_new(NFT_CTX_DEFAULT));
    if (context_ == nullptr) return false;
    nft_ctx_buffer_output(context_.get());
    nft_ctx_buffer_error(context_.get());
    return true;
  }

  bool run(const std::string& text) {
    if (!open()) return failed("libnftables cannot be opened");
    const bool done = nft_run_cmd_from_buffer(context_.get(), text.c_str()) == 0;
    said_ = nft_ctx_get_output_buffer(context_.get());
    const std::string error = nft_ctx_get_error_buffer(context_.get());
    // What is not there is put back, which tells of what is in its way.
    return done || (stands_ ? false : failed(error));
  }

  bool failed(std::string_view error) {
    error = error.substr(0, error.find('\n'));
    if (told_ == error) return false;
    told_ = error;
    log_.write(LogLevel::error, "kernel_bans",
               {{"error", error},
                {"message",
                 "banned addresses cannot be written into nftables: Postern goes on to drop what they send itself, and tries again each "
                 "second. It needs CAP_NET_ADMIN (AmbientCapabilities in the unit, NET_ADMIN in a container) and a kernel with nf_tables; "
                 "or set `kernel: off`"}});
    return false;
  }

  Log& log_;
  std::unique_ptr<nft_ctx, Free> context_;
  std::string said_, told_;
  bool stands_ = false;
};

KernelBans::KernelBans(Log& log) : log_(log) {}
KernelBans::~KernelBans() = default;

void KernelBans::apply(bool on, const sbc::EngineOptions& options) {
  const bool starts = !std::exchange(applied_, true);
  if (starts && !on) Table(log_).remove_left();
  acl::NetworkSet spared = never_banned(options);
  {
    const std::lock_guard lock(mutex_);
    on_ = on;
    spared_ = std::move(spared);
    std::erase_if(bans_, [this](const auto& ban) { return spared_.contains(ban.first); });
    ports_.clear();
    for (const sbc::ListenerOptions& listener : options.listeners) {
      if (listener.open && std::ranges::find(ports_, listener.bind.port) == ports_.end()) ports_.push_back(listener.bind.port);
    }
    all_changed_ = true;
  }
  wake_.notify_one();
  if (on && !thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void KernelBans::restore(const sbc::DurableState& kept) {
  std::set<acl::SourceKey> with_devices;
  for (const sbc::Binding& binding : kept.bindings) with_devices.insert(acl::SourceKey(binding.flow.peer.address));
  for (const sbc::DurableBan& ban : kept.bans) {
    if (ban.strangers_only && !with_devices.contains(acl::SourceKey(ban.source))) keep(ban.source, ban.until);
  }
}

void KernelBans::keep(const acl::Address& source, acl::TimePoint until) {
  {
    const std::lock_guard lock(mutex_);
    const auto now = acl::Clock::now();
    if (until <= now || spared_.contains(source))
      bans_.erase(source);
    else if (bans_.contains(source) || has_room(now))
      bans_[source] = until;
    else
      return;
    all_changed_ = all_changed_ || changed_.size() >= most_changes;
    if (!on_ || all_changed_) return;
    changed_.push_back(source);
  }
  wake_.notify_one();
}

void KernelBans::forget_ended(acl::TimePoint now) {
  std::erase_if(bans_, [now](const auto& ban) { return ban.second <= now; });
}

/// While it is off no thread takes out what has ended; nor may each of very many bans look through all of them.
bool KernelBans::has_room(acl::TimePoint now) {
  if (bans_.size() >= most && now >= look_for_room_at_) {
    forget_ended(now);
    look_for_room_at_ = now + table_check;
  }
  return bans_.size() < most;
}

void KernelBans::run(const std::stop_token& stop) {
  name_this_thread("postern/kernel");
  Table table(log_);
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = acl::Clock::now();
    forget_ended(now);
    const bool on = on_;
    const bool all = std::exchange(all_changed_, false);
    const std::vector<std::uint16_t> ports = ports_;
    std::vector<Element> everything, changes;
    const auto changed = std::exchange(changed_, {});
    for (const acl::Address& source : changed) {
      const auto found = bans_.find(source);
      changes.push_back({source, found == bans_.end() ? seconds{0} : left_of(found->second, now)});
    }
    lock.unlock();
    const bool stands = on && !all && table.is_whole() && table.change(changes);
    lock.lock();
    if (on && !stands) {
      for (const auto& [source, until] : bans_) everything.push_back({source, left_of(until, now)});
      lock.unlock();
      table.write(ports, everything);
      lock.lock();
    } else if (!on) {
      lock.unlock();
      table.remove();
      lock.lock();
    }
    wake_.wait_for(lock, stop, table_check, [this] { return all_changed_ || !changed_.empty(); });
  }
}

}  // namespace postern::net
