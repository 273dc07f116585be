// What the commands that talk to the running daemon have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "sbc/net/control_client.hpp"

namespace postern::commands {

/// Adds a command that asks: with the options -c (into `file`) and --json, and its examples. Both must outlive `parent`.
CLI::App* add_asking(CLI::App& parent, const std::string& name, const std::string& description, const std::string& examples,
                     std::string& file, bool& json);

/// Where the daemon of that configuration is asked; nullopt, which is told on stderr: the file does not say.
std::optional<std::string> socket_of(const std::string& file);
/// Tells on stderr why there is no answer; the exit status.
int tell(const net::NoAnswer& none);

/// Asks the daemon of that configuration; `texts` is what the request says beside the command. The exit status if there is no answer: why
/// is told on stderr.
std::variant<nlohmann::ordered_json, int> ask(const std::string& file, const std::string& command,
                                              const std::map<std::string, std::string>& texts = {});

/// Asks for an array of objects and prints it: as JSON, or as a table of what they have under `keys`, sorted by the first of them, and its
/// summary, a line. The exit status.
int print_list(const std::string& file, const std::string& command, bool json, std::span<const std::string_view> keys,
               const std::function<std::string(const nlohmann::ordered_json&)>& summary);

/// What that option (`--for`) says, in seconds, as the daemon takes it; nullopt, which is told: it is no duration.
std::optional<std::string> duration_argument(std::string_view option, const std::string& text);

/// "3 d 4 h".
std::string time_up(std::int64_t seconds);

/// How an address of the PBX is, as `status` and `top` tell it.
std::string pbx_state(const nlohmann::ordered_json& pbx);

/// The text under that key; empty: there is none.
std::string cell(const nlohmann::ordered_json& entry, const std::string& key);

}  // namespace postern::commands
