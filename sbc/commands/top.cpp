#include "sbc/commands/top.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "config/values.hpp"
#include "sbc/commands/daemon.hpp"
#include "sbc/commands/exit_status.hpp"
#include "sbc/commands/live_screen.hpp"
#include "sbc/commands/top_view.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

constexpr std::chrono::milliseconds shortest_interval{200}, longest_interval{std::chrono::hours{1}};

std::variant<ordered_json, net::NoAnswer> ask_top(const std::string& socket) { return net::ask_daemon(socket, "top"); }

/// https://no-color.org
bool colour_wanted() {
  const char* const refused = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): one thread
  return ::isatty(STDOUT_FILENO) == 1 && (refused == nullptr || *refused == '\0');
}

}  // namespace

Top::Top(CLI::App& app, std::string& file)
    : file_(file),
      top_(add_asking(app, "top", "Show what goes on now: rates, what is refused, who sends, and how the PBX is",
                      "  postern top\n  postern top --once --json", file, json_)) {
  top_->add_option("--interval", interval_, "between two looks")->capture_default_str();
  top_->add_flag("--once", once_, "print it once, after two looks, and end");
}

int Top::run() {
  const auto interval = config::parse_duration(interval_);
  if (!interval || *interval < shortest_interval || *interval > longest_interval) {
    std::cerr << fmt::format("postern: --interval wants {}, from {} to {}\n", config::kinds::duration.noun,
                             config::to_string(shortest_interval), config::to_string(longest_interval));
    return exit_usage;
  }
  const auto socket = socket_of(file_);
  if (!socket) return exit_failed;
  return once_ || json_ || !LiveScreen::possible() ? once(*socket, *interval) : live(*socket, *interval);
}

int Top::once(const std::string& socket, std::chrono::milliseconds interval) const {
  ordered_json before;
  for (const bool last : {false, true}) {
    auto answer = ask_top(socket);
    if (const auto* none = std::get_if<net::NoAnswer>(&answer)) return tell(*none);
    ordered_json now = with_rates(before, std::get<ordered_json>(answer));
    if (last)
      std::cout << (json_ ? now.dump(2, ' ', true) + "\n" : plain_text(view_of(now), colour_wanted()));
    else
      std::this_thread::sleep_for(interval);
    before = std::move(now);
  }
  return exit_good;
}

int Top::live(const std::string& socket, std::chrono::milliseconds interval) {
  const bool colour = colour_wanted();
  std::optional<LiveScreen> screen(std::in_place);
  ordered_json before;
  while (true) {
    const auto next = std::chrono::steady_clock::now() + interval;
    auto answer = ask_top(socket);
    LiveScreen::Woken woken = screen->wait_until(std::chrono::steady_clock::now());  // a signal breaks off the answer as well
    if (woken == LiveScreen::Woken::quit) return exit_good;
    const auto* none = std::get_if<net::NoAnswer>(&answer);
    if (none != nullptr && none->no_daemon) {
      screen.reset();
      return tell(*none);
    }
    // Too many may ask at this moment, say: that passes.
    if (none == nullptr) before = with_rates(before, std::get<ordered_json>(answer));
    const std::vector<ViewLine> lines =
        none == nullptr ? view_of(before) : std::vector<ViewLine>{{"!! " + none->message, LineStyle::warning}};
    do {
      screen->show(screen_text(lines, LiveScreen::size(), colour));
      woken = screen->wait_until(next);
      if (woken == LiveScreen::Woken::quit) return exit_good;
    } while (woken == LiveScreen::Woken::resized);
  }
}

}  // namespace postern::commands
