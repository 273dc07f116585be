#include "config/yaml_tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "config/yaml_hints.hpp"
#include "sip/utf8.hpp"

namespace postern::config {
namespace {

constexpr const char* yaml_path = "(yaml)";
constexpr const char* key_is_text = "a key must be plain text";
constexpr const char* empty_file =
    "the file is empty; the smallest one has two lines: `listeners: [udp://0.0.0.0:5060]` and `pbx: udp://10.0.0.5:15060`";

/// yaml-cpp counts from 0, and has -1 for "nowhere".
Position position_of(const YAML::Mark& mark) { return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1}; }

/// Ends the parse: what follows cannot be read any more.
struct Stop {
  Where at;
  std::string message;
};

/// Builds the tree from yaml-cpp's events, which come with marks and without its recursive node graph.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Report& report) : report_(report) {}

  [[nodiscard]] NodePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) throw Stop{{position_of(mark), yaml_path}, "a second document begins here; a file holds one"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(YamlNode::Kind::null, mark, anchor, {}); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    check_tag(tag, mark);
    leaf(YamlNode::Kind::scalar, mark, anchor, value);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) stop(mark, "an alias stands inside of its own anchor");
    place(found->second, position_of(mark));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor = 0;
    std::optional<YamlNode::Entry> pending;  ///< a key whose value comes next
    std::map<std::string, int> lines;        ///< of the keys seen
  };

  [[noreturn]] void stop(const YAML::Mark& mark, const char* message) const { throw Stop{{position_of(mark), path_here()}, message}; }

  void check_tag(const std::string& tag, const YAML::Mark& mark) const {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    stop(mark, "tags have no meaning here");
  }

  void leaf(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& text) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->at = position_of(mark);
    node->text = text;
    if (anchor != 0) anchors_[anchor] = node;
    place(std::move(node), position_of(mark));
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check_tag(tag, mark);
    if (expects_key()) stop(mark, key_is_text);
    if (frames_.size() >= YamlLimits::depth) stop(mark, "nested too deeply");
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->at = position_of(mark);
    frames_.push_back({std::move(node), anchor, std::nullopt, {}});
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.anchor != 0) anchors_[frame.anchor] = frame.node;
    const Position at = frame.node->at;
    place(std::move(frame.node), at);
  }

  [[nodiscard]] bool expects_key() const {
    return !frames_.empty() && frames_.back().node->kind == YamlNode::Kind::map && !frames_.back().pending;
  }

  void place(NodePtr node, Position at) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (expects_key()) {
      if (node->kind != YamlNode::Kind::scalar) throw Stop{{at, path_here()}, key_is_text};
      frame.pending = YamlNode::Entry{node->text, at, nullptr};
      return;
    }
    count(*node, at);
    frame.node->weight += node->weight;
    frame.node->depth = std::max(frame.node->depth, node->depth + 1);
    if (frame.node->kind == YamlNode::Kind::list)
      frame.node->items.push_back(std::move(node));
    else
      add_entry(frame, std::move(node));
  }

  void count(const YamlNode& node, Position at) const {
    std::size_t total = node.weight;
    for (const Frame& frame : frames_) total += frame.node->weight;
    if (total > YamlLimits::nodes)
      throw Stop{{at, path_here()}, fmt::format("more than {} values (aliases counted out)", YamlLimits::nodes)};
    if (frames_.size() + node.depth > YamlLimits::depth) throw Stop{{at, path_here()}, "nested too deeply"};
  }

  void add_entry(Frame& frame, NodePtr value) {
    YamlNode::Entry entry = std::move(*frame.pending);
    frame.pending.reset();
    const auto [known, added] = frame.lines.try_emplace(entry.key, entry.at.line);
    if (!added) {
      report_.error({entry.at, join_path(path_here(), entry.key)},
                    fmt::format("repeated key; it stands in line {} already", known->second));
      return;
    }
    entry.value = std::move(value);
    frame.node->entries.push_back(std::move(entry));
  }

  [[nodiscard]] std::string path_here() const {
    std::string path;
    for (const Frame& frame : frames_) {
      if (frame.node->kind == YamlNode::Kind::list)
        path = join_path(path, frame.node->items.size());
      else if (frame.pending)
        path = join_path(path, frame.pending->key);
    }
    return path.empty() ? yaml_path : path;
  }

  Report& report_;
  NodePtr root_;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, NodePtr> anchors_;
  int documents_ = 0;
};

/// What must hold before yaml-cpp sees a byte. Reports the first thing that does not.
bool scan_bytes(std::string_view text, Report& report) {
  if (text.size() > YamlLimits::file_bytes) {
    report.error({{}, yaml_path},
                 fmt::format("larger than {} KiB; long lists belong into files of their own", YamlLimits::file_bytes / 1024));
    return false;
  }
  Position at;
  std::size_t indicators = 0;
  const auto refuse = [&](const std::string& message) {
    report.error({at, yaml_path}, message);
    return false;
  };
  while (!text.empty()) {
    const auto [value, length] = sip::front_character(text);
    const char c = text.front();
    if (length == 0) return refuse(fmt::format("byte 0x{:02x} is no UTF-8", static_cast<unsigned char>(c)));
    const bool space = c == '\n' || c == '\r' || c == '\t';
    if (!space && length == 1 && sip::is_deceptive(value))
      return refuse(fmt::format("control character 0x{:02x}", static_cast<unsigned char>(c)));
    if (std::string_view("[]{},").find(c) != std::string_view::npos && ++indicators > YamlLimits::flow_indicators)
      return refuse(fmt::format("more than {} brackets and commas", YamlLimits::flow_indicators));
    text.remove_prefix(length);
    at.column += static_cast<int>(length);
    if (c == '\n') at = {at.line + 1, 1};
  }
  return true;
}

void parse_documents(const std::string& text, TreeBuilder& builder) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  while (parser.HandleNextDocument(builder)) {
  }
}

}  // namespace

NodePtr parse_yaml(std::string_view text, Report& report) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (!scan_bytes(text, report)) return nullptr;
  TreeBuilder builder(report);
  try {
    parse_documents(std::string(text), builder);
  } catch (const Stop& stop) {
    // To the parser, a bracket that is never closed may begin a key.
    const std::string hint = stop.message == key_is_text ? syntax_hint(text, stop.at.position) : std::string();
    report.error(stop.at, hint.empty() ? stop.message : hint);
    return nullptr;
  } catch (const YAML::Exception& error) {
    const Position at = position_of(error.mark);
    const std::string hint = syntax_hint(text, at);
    report.error({at, yaml_path}, hint.empty() ? error.msg : hint);
    return nullptr;
  }
  NodePtr root = builder.root();
  if (!root || root->kind == YamlNode::Kind::null) {
    report.error({{}, yaml_path}, empty_file);
    return nullptr;
  }
  return root;
}

std::string join_path(const std::string& path, std::string_view key) {
  const std::string name = key.empty() ? "\"\"" : std::string(key);  // a problem always has a path
  return path.empty() || path == yaml_path ? name : path + '.' + name;
}

std::string join_path(const std::string& path, std::size_t index) { return fmt::format("{}[{}]", path == yaml_path ? "" : path, index); }

}  // namespace postern::config
