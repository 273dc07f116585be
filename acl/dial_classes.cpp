#include "acl/dial_classes.hpp"

#include <algorithm>
#include <utility>

namespace postern::acl {

DialClasses::DialClasses(std::vector<Entry> entries) {
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) { return a.pattern < b.pattern; });
  const auto patterns = std::ranges::find_if(entries, [](const Entry& entry) { return !entry.pattern.is_number(); });
  for (auto entry = entries.begin(); entry != patterns; ++entry) numbers_.emplace_back(entry->pattern.number(), entry->in);
  std::ranges::sort(numbers_);
  entries.erase(entries.begin(), patterns);
  if (entries.empty()) return;
  nodes_.emplace_back();
  std::vector<Pending> pending{{0, 0, entries.size(), 0}};
  for (std::size_t i = 0; i < pending.size(); ++i) {
    const Pending next = pending[i];
    grow(entries, next, pending);
  }
}

void DialClasses::grow(const std::vector<Entry>& sorted, const Pending& pending, std::vector<Pending>& next) {
  const auto first_child = static_cast<std::uint32_t>(nodes_.size());
  for (std::size_t begin = pending.begin; begin < pending.end;) {
    const DialPattern& pattern = sorted[begin].pattern;
    if (pattern.places().size() == pending.depth) {
      std::uint32_t& in = nodes_[pending.node].ends[static_cast<std::size_t>(pattern.end())];
      if (in == no_class) in = sorted[begin].in;
      ++begin;
      continue;
    }
    const DialSet set = pattern.places()[pending.depth];
    std::size_t end = begin + 1;
    const auto shares_place = [&](const DialPattern& other) {
      return other.places().size() > pending.depth && other.places()[pending.depth] == set;
    };
    while (end < pending.end && shares_place(sorted[end].pattern)) ++end;
    next.push_back({nodes_.size(), begin, end, pending.depth + 1});
    nodes_.emplace_back().set = set;
    Node& node = nodes_[pending.node];
    ++node.children;
    if (set.size() == 1) ++node.single_children;
    begin = end;
  }
  nodes_[pending.node].first_child = first_child;
}

std::optional<std::uint32_t> DialClasses::child(const Node& node, std::uint32_t from, char c) const {
  std::uint32_t at = from;
  if (from == 0) {
    const auto begin = nodes_.begin() + node.first_child;
    const auto end = begin + node.single_children;
    const auto found = std::lower_bound(begin, end, c, [](const Node& single, char wanted) { return single.set.lowest() < wanted; });
    if (found != end && found->set.has(c)) return static_cast<std::uint32_t>(found - begin);
  }
  for (at = std::max(at, node.single_children); at < node.children; ++at) {
    if (nodes_[node.first_child + at].set.has(c)) return at;
  }
  return std::nullopt;
}

std::uint32_t DialClasses::ending(const Node& node, std::string_view left) {
  using enum DialPattern::End;
  const auto in = [&](DialPattern::End end) { return node.ends[static_cast<std::size_t>(end)]; };
  if (left.empty()) return in(any) != no_class ? in(any) : in(nothing);
  if (in(more) == no_class && in(any) == no_class) return no_class;
  if (!is_open_end(left)) return no_class;
  return in(more) != no_class ? in(more) : in(any);
}

std::optional<DialClasses::Class> DialClasses::classify(std::string_view number) const {
  if (number.empty()) return std::nullopt;
  const auto exact = std::ranges::lower_bound(numbers_, number, {}, [](const auto& entry) { return std::string_view(entry.first); });
  if (exact != numbers_.end() && exact->first == number) return exact->second;
  if (nodes_.empty()) return std::nullopt;
  struct Step {
    std::uint32_t node = 0;
    std::uint32_t next = 0;  // child to look at
  };
  std::array<Step, DialPattern::longest + 1> way;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  std::size_t depth = 0;
  way[0] = {};
  // Each node is entered once at most.
  while (true) {
    Step& step = way[depth];
    const Node& node = nodes_[step.node];
    const auto down = depth < number.size() ? child(node, step.next, number[depth]) : std::nullopt;
    if (down) {
      step.next = *down + 1;
      way[++depth] = {node.first_child + *down, 0};
      continue;
    }
    if (const std::uint32_t in = ending(node, number.substr(depth)); in != no_class) return static_cast<Class>(in);
    if (depth == 0) return std::nullopt;
    --depth;
  }
}

}  // namespace postern::acl
