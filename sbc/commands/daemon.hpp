// What the commands that talk to the running daemon have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace postern::commands {

/// Adds a command that asks: with the options -c (into `file`) and --json, and its examples. Both must outlive `parent`.
CLI::App* add_asking(CLI::App& parent, const std::string& name, const std::string& description, const std::string& examples,
                     std::string& file, bool& json);

/// Asks the daemon of that configuration; `texts` is what the request says beside the command. The exit status if there is no answer: why
/// is told on stderr.
std::variant<nlohmann::ordered_json, int> ask(const std::string& file, const std::string& command,
                                              const std::map<std::string, std::string>& texts = {});

/// A table of what an array of objects has under `keys`, which in upper case are its head; sorted by the first of them.
std::string table_of(const nlohmann::ordered_json& entries, std::span<const std::string_view> keys);
/// The text under that key; empty: there is none.
std::string cell(const nlohmann::ordered_json& entry, const std::string& key);

}  // namespace postern::commands
