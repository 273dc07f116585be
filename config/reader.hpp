// Walks a file's tree along the schema: checks every key and value, and stores the good ones in the draft.
#pragma once

#include "config/draft.hpp"
#include "config/located.hpp"
#include "config/schema.hpp"
#include "config/yaml_tree.hpp"

namespace postern::config {

class Reader {
 public:
  Reader(Draft& draft, Report& report) : draft_(draft), report_(report) {}

  void read(const YamlNode& root);

 private:
  /// What is known on the way down.
  struct Context {
    Where at;                   ///< of the value, or of its key if it has no place of its own
    Located<std::string> name;  ///< the innermost key that the operator chose
    bool unless = false;
    bool negated = false;
    bool unnamed = false;            ///< below a key that cannot be a name: checked, not stored
    Effect announced = Effect::now;  ///< what was said above of the part that this stands in
  };

  void hold_defaults();
  void read_entry(const Row& row, const YamlNode& node, Context context);
  void read_list(const Row& row, const YamlNode& node, const Context& context);
  void read_condition(const Row& row, const YamlNode& node, const Context& context);
  void read_one(const Row& row, const YamlNode& node, const Context& context);
  void read_scalar(const Row& row, const YamlNode& node, const Context& context);
  void read_map(const Row& row, const YamlNode& node, const Context& context);
  void read_key(const Row& row, const YamlNode::Entry& entry, const Context& context);
  void announce(const Row& row, Context& context);
  void check_required(const Row& row, const YamlNode& node, const Context& context);
  /// The row of a key below `row`; reports one that there is not.
  const Row* find_child(const Row& row, const YamlNode::Entry& entry, const Where& at);

  Draft& draft_;
  Report& report_;
};

/// "a duration such as 30s, or off": what a row takes, for messages and for the reference.
std::string describe(const Row& row);

}  // namespace postern::config
