#include "config/reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/suggest.hpp"
#include "config/words.hpp"
#include "config/yaml_hints.hpp"

namespace postern::config {
namespace {

/// The word of `words` that the text is; every way to say "off" is one.
std::string_view word_of(const Row& row, std::string_view text) {
  const std::string_view word = find_word(row.words, text);
  if (word.empty() && parse_switch(text) == false) return find_word(row.words, "off");
  return word;
}

/// Equal where the values are, however they are written.
std::string text_of(const Value& value, std::string_view written) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* endpoint = std::get_if<sbc::Endpoint>(&value)) return endpoint->to_string();
  return std::string(written);
}

bool takes_map(const Row& row) { return row.form == Form::map || row.form == Form::value_or_map; }

std::string describe_map(const Row& row) {
  std::vector<std::string_view> keys;
  for (const Row* child : children(row)) {
    if (child->key() == "*") return keys.empty() ? fmt::format("a map, each key {}", child->names->noun) : "a map";
    keys.push_back(child->key());
  }
  return fmt::format("a map with {}", fmt::join(keys, ", "));
}

}  // namespace

std::string describe(const Row& row) {
  std::vector<std::string> forms;
  if (row.kind != nullptr && row.kind != &kinds::word) forms.emplace_back(row.kind->noun);
  for (const std::string_view word : split_words(row.words)) forms.push_back(fmt::format("`{}`", word));
  for (const Row* child : children(row))
    if (!row.scalar_is.empty() && child->key() == row.scalar_is) forms.emplace_back(child->kind->noun);
  if (takes_map(row)) forms.push_back(describe_map(row));
  std::string all = fmt::format("{}", fmt::join(forms, " or "));
  if (row.form == Form::condition) all += ", a list of these, or {not: ...}";
  if (row.is_list()) all = row.single ? all + ", or a list of these" : "a list of " + all;
  return all;
}

namespace {

/// Behind "unknown key": what may have been meant, or what there is if that is little.
std::string hint(std::string_view key, std::span<const std::string_view> known) {
  constexpr std::size_t most_listed = 16;
  std::string meant = did_you_mean(key, known);
  if (!meant.empty() || known.size() > most_listed) return meant;
  return fmt::format("; there are {}", fmt::join(known, ", "));
}

std::string not_a_word(const Row& row, const std::string& text) {
  return fmt::format("must be {}, got {}{}", describe(row), in_quotes(text), did_you_mean(text, split_words(row.words)));
}

}  // namespace

void Reader::read(const YamlNode& root) {
  Context context;
  context.at = {root.at, ""};
  if (root.kind == YamlNode::Kind::map) {
    read_map(root_row(), root, context);
    hold_defaults();
    return;
  }
  const std::string hint = root.kind == YamlNode::Kind::scalar ? missing_space_hint(root.text) : std::string();
  report_.error({root.at, "(yaml)"}, hint.empty() ? "must be a map of keys such as `listeners` and `pbx`" : hint);
}

void Reader::hold_defaults() {
  for (const Row& row : schema()) {
    if (!row.held || row.store == nullptr) continue;
    const Parsed standard = row.standard.empty() ? Parsed{} : row.kind->parse(row.standard, row.range);
    draft_.held.try_emplace(std::string(row.path), Setting{standard.value ? text_of(*standard.value, row.standard) : std::string()});
  }
}

void Reader::announce(const Row& row, Context& context) {
  const Effect effect = row.effect;
  if (effect == Effect::later && context.announced == Effect::now) report_.warning(context.at, "has no effect in this version");
  context.announced = std::max(context.announced, effect);
}

void Reader::read_entry(const Row& row, const YamlNode& node, Context context) {
  announce(row, context);
  if (node.kind == YamlNode::Kind::null) {
    report_.error(context.at, fmt::format("needs a value: {}", describe(row)));
    return;
  }
  context.at.position = node.at;
  if (row.form == Form::condition)
    read_condition(row, node, context);
  else if (row.is_list())
    read_list(row, node, context);
  else
    read_one(row, node, context);
}

void Reader::read_list(const Row& row, const YamlNode& node, const Context& context) {
  // A list of values begins once, one of maps with each of them.
  const bool once = row.names != nullptr || row.form == Form::value;
  if (once && row.begin != nullptr && !context.unnamed) row.begin(draft_, context.at, context.name.value);
  if (node.kind != YamlNode::Kind::list && row.single) {
    read_one(row, node, context);
    return;
  }
  if (node.kind != YamlNode::Kind::list) {
    const bool of_maps = node.kind == YamlNode::Kind::map && row.form == Form::map;
    report_.error(context.at, of_maps ? "must be a list: each entry begins with `- `" : fmt::format("must be {}", describe(row)));
    return;
  }
  if (row.filled && node.items.empty()) report_.error(context.at, "must not be empty");
  for (std::size_t i = 0; i < node.items.size() && !report_.full(); ++i) {
    const YamlNode& item = *node.items[i];
    Context inner = context;
    inner.at = {item.at, join_path(context.at.path, i)};
    if (item.kind == YamlNode::Kind::null)
      report_.error(inner.at, "must not be empty");
    else
      read_one(row, item, inner);
  }
}

void Reader::read_condition(const Row& row, const YamlNode& node, const Context& context) {
  if (node.kind == YamlNode::Kind::list) {
    if (node.items.empty()) report_.error(context.at, "must not be empty");
    for (std::size_t i = 0; i < node.items.size() && !report_.full(); ++i) {
      Context inner = context;
      inner.at = {node.items[i]->at, join_path(context.at.path, i)};
      read_scalar(row, *node.items[i], inner);
    }
    return;
  }
  if (node.kind != YamlNode::Kind::map) {
    read_scalar(row, node, context);
    return;
  }
  const bool lone_not = node.entries.size() == 1 && node.entries.front().key == "not" && !context.negated;
  if (!lone_not) {
    report_.error(context.at, fmt::format("must be {}", describe(row)));
    return;
  }
  Context inner = context;
  inner.negated = true;
  inner.at = {node.entries.front().at, join_path(context.at.path, "not")};
  read_entry(row, *node.entries.front().value, inner);
}

void Reader::read_one(const Row& row, const YamlNode& node, const Context& context) {
  if (node.kind == YamlNode::Kind::scalar && row.form != Form::map)
    read_scalar(row, node, context);
  else if (node.kind == YamlNode::Kind::map && takes_map(row))
    read_map(row, node, context);
  else
    report_.error(context.at, fmt::format("must be {}", describe(row)));
}

void Reader::read_scalar(const Row& row, const YamlNode& node, const Context& context) {
  if (!row.scalar_is.empty()) {
    if (row.begin != nullptr && !context.unnamed) row.begin(draft_, context.at, context.name.value);
    for (const Row* child : children(row))
      if (child->key() == row.scalar_is) read_scalar(*child, node, context);
    return;
  }
  if (node.kind != YamlNode::Kind::scalar) {
    report_.error(context.at, fmt::format("must be {}", describe(row)));
    return;
  }
  Parsed parsed;
  const std::string_view word = word_of(row, node.text);
  if (!word.empty())
    parsed.value = Word{word};
  else if (row.kind == nullptr || row.kind == &kinds::word)
    parsed = Parsed::wrong(not_a_word(row, node.text));
  else
    parsed = row.kind->parse(node.text, row.range);
  // Its kind has nothing better to say than that it is none.
  if (!parsed.value && !row.words.empty() && row.kind != nullptr && parsed.problem == expected(*row.kind, node.text).problem)
    parsed = Parsed::wrong(not_a_word(row, node.text));
  if (!parsed.value) {
    const bool takes_list = row.form == Form::condition || row.is_list();
    const bool enumerates = takes_list && node.text.size() <= 80 && node.text.find(',') != std::string::npos;
    report_.error(context.at, enumerates ? fmt::format("write a list: [{}]", node.text) : parsed.problem);
    return;
  }
  if (!parsed.problem.empty()) report_.warning(context.at, parsed.problem);
  if (row.store != nullptr && !context.unnamed)
    row.store(draft_, {*parsed.value, context.at, context.name, context.unless, context.negated});
  if (row.held)
    draft_.held[std::string(row.path)] = {text_of(*parsed.value, node.text), context.at.position.line, context.at.position.column};
}

void Reader::read_map(const Row& row, const YamlNode& node, const Context& context) {
  Context inner = context;
  inner.unless = context.unless || !row.like.empty();
  // A named list has begun already, once for all of its elements.
  const bool begun = row.names != nullptr && row.is_list();
  if (row.begin != nullptr && !begun && !context.unnamed) row.begin(draft_, context.at, context.name.value);
  const bool named_element = begun && node.entries.empty();
  if ((row.filled && !row.is_list() && node.entries.empty()) || named_element) report_.error(context.at, "must not be empty");
  for (const YamlNode::Entry& entry : node.entries) {
    if (report_.full()) return;
    read_key(row, entry, inner);
  }
  check_required(row, node, context);
}

void Reader::read_key(const Row& row, const YamlNode::Entry& entry, const Context& context) {
  Context inner = context;
  inner.at = {entry.at, join_path(context.at.path, entry.key)};
  const Row* child = find_child(row, entry, inner.at);
  if (child == nullptr) return;
  if (child->names != nullptr) {
    inner.name = {entry.key, inner.at};
    const Parsed name = child->names->parse(entry.key, {});
    if (!name.value) {
      report_.error(inner.at, fmt::format("as a key: {}", name.problem));
      inner.unnamed = true;
    }
  }
  read_entry(*child, *entry.value, inner);
}

const Row* Reader::find_child(const Row& row, const YamlNode::Entry& entry, const Where& at) {
  std::vector<std::string_view> keys;
  const Row* open = nullptr;
  for (const Row* child : children(row)) {
    if (child->key() == entry.key && child->key() != "*") return child;
    if (child->key() == "*")
      open = child;
    else
      keys.push_back(child->key());
  }
  if (open == nullptr) report_.error(at, "unknown key" + hint(entry.key, keys));
  return open;
}

void Reader::check_required(const Row& row, const YamlNode& node, const Context& context) {
  for (const Row* child : children(row)) {
    if (!child->required) continue;
    const bool there =
        std::any_of(node.entries.begin(), node.entries.end(), [&](const YamlNode::Entry& e) { return e.key == child->key(); });
    if (!there)
      report_.error({context.at.position, join_path(context.at.path, child->key())}, fmt::format("is missing: {}", describe(*child)));
  }
}

}  // namespace postern::config
