#include "acl/networks.hpp"

#include <algorithm>
#include <tuple>

namespace postern::acl {
namespace {

template <class Key>
struct Block {
  Key first;
  Key last;
  std::uint32_t value = 0;
  std::size_t order = 0;  ///< of two blocks for the same network the later one is on top
};

constexpr std::uint32_t last_key(std::uint32_t /*family*/) { return UINT32_MAX; }

Address::Bytes last_key(const Address::Bytes& /*family*/) {
  Address::Bytes bytes{};
  bytes.fill(0xff);
  return bytes;
}

std::uint32_t next(std::uint32_t key) { return key + 1; }

Address::Bytes next(Address::Bytes key) {
  for (std::size_t i = key.size(); i-- > 0;) {
    if (++key[i] != 0) break;
  }
  return key;
}

/// The disjoint ranges of nested blocks: a sweep over the sorted blocks with the enclosing ones on a stack (never deeper than the
/// address is long), which opens a range wherever the most specific block changes.
template <class Key, class Range>
class Flattener {
 public:
  explicit Flattener(std::vector<Range>& ranges) : ranges_(ranges) {}

  void run(std::vector<Block<Key>>& blocks) {
    for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i].order = i;
    std::sort(blocks.begin(), blocks.end(),
              [](const auto& a, const auto& b) { return std::tie(a.first, b.last, a.order) < std::tie(b.first, a.last, b.order); });
    for (const auto& block : blocks) {
      while (!open_.empty() && open_.back().last < block.first) close();
      begin(block.first, block.value);
      open_.push_back(block);
    }
    while (!open_.empty()) close();
    ranges_.shrink_to_fit();
  }

 private:
  void close() {
    const Key last = open_.back().last;
    open_.pop_back();
    if (last != last_key(last)) begin(next(last), open_.empty() ? NetworkMap::no_value : open_.back().value);
  }

  void begin(const Key& first, std::uint32_t value) {
    if (!ranges_.empty() && ranges_.back().first == first) ranges_.pop_back();
    if (ranges_.empty() || ranges_.back().value != value) ranges_.push_back({first, value});
  }

  std::vector<Range>& ranges_;
  std::vector<Block<Key>> open_;
};

template <class Key, class Range>
std::optional<std::uint32_t> find_in(const std::vector<Range>& ranges, const Key& key) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), key, [](const Key& k, const Range& range) { return k < range.first; });
  if (after == ranges.begin()) return std::nullopt;
  const std::uint32_t value = std::prev(after)->value;
  return value == NetworkMap::no_value ? std::nullopt : std::optional(value);
}

Block<std::uint32_t> block4(const Network& network, std::uint32_t value) {
  const std::uint32_t first = network.address().v4_value();
  const std::uint32_t hosts = network.prefix_length() == 0 ? UINT32_MAX : (1U << (32 - network.prefix_length())) - 1;
  return {first, first | hosts, value};
}

Block<Address::Bytes> block6(const Network& network, std::uint32_t value) {
  Address::Bytes last = network.address().bytes();
  for (unsigned bit = network.prefix_length(); bit < 128; ++bit)
    last[bit / 8] = static_cast<std::uint8_t>(last[bit / 8] | (0x80U >> (bit % 8)));
  return {network.address().bytes(), last, value};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\v\f";
  const std::size_t start = text.find_first_not_of(blanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

/// Fit for a message: short and printable, whatever file was named by mistake.
std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string result = "'";
  for (const char c : text.substr(0, longest)) result += c >= ' ' && c <= '~' ? c : '?';
  return result + (text.size() > longest ? "...'" : "'");
}

}  // namespace

NetworkMap::NetworkMap(const std::vector<Entry>& entries) {
  std::vector<Block<std::uint32_t>> blocks4;
  std::vector<Block<Address::Bytes>> blocks6;
  for (const Entry& entry : entries) {
    if (entry.network.address().is_v4()) {
      blocks4.push_back(block4(entry.network, entry.value));
    } else {
      blocks6.push_back(block6(entry.network, entry.value));
    }
  }
  Flattener<std::uint32_t, Range4>(v4_).run(blocks4);
  Flattener<Address::Bytes, Range6>(v6_).run(blocks6);
}

std::optional<std::uint32_t> NetworkMap::find(const Address& address) const {
  return address.is_v4() ? find_in(v4_, address.v4_value()) : find_in(v6_, address.bytes());
}

bool NetworkMap::empty() const { return v4_.empty() && v6_.empty(); }

NetworkSet::NetworkSet(std::span<const Network> networks) {
  std::vector<NetworkMap::Entry> entries;
  entries.reserve(networks.size());
  for (const Network& network : networks) entries.push_back({network, 0});
  map_ = NetworkMap(entries);
}

NetworkList parse_network_list(std::string_view text) {
  NetworkList list;
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    const std::string_view whole = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);

    const std::string_view entry = trimmed(whole.substr(0, whole.find('#')));
    if (entry.empty()) continue;
    const auto parsed = Network::parse(entry);
    if (!parsed) {
      list.problems.push_back({line, true, quoted(entry) + " is neither an address nor a network"});
      continue;
    }
    if (parsed->host_bits_set)
      list.problems.push_back({line, false, quoted(entry) + " has host bits set, taken as " + parsed->network.to_string()});
    list.networks.push_back(parsed->network);
  }
  return list;
}

}  // namespace postern::acl
