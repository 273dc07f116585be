#include "sbc/net/alerts.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/post.hpp>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "sbc/net/alert_command.hpp"
#include "sbc/net/state_folder.hpp"
#include "sbc/net/webhook.hpp"

namespace postern::net {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

namespace {

constexpr const char* countries_file = "countries";
constexpr std::chrono::hours between_looks{24};
constexpr std::chrono::seconds longest_command{30};
/// Of a trial: what is under way already, and then the trial itself. Control waits a little longer.
constexpr std::chrono::seconds longest_trial{45};

/// Without the path, which may hold a secret.
std::string shown(const WebhookOptions& to) { return fmt::format("{}://{}", to.tls ? "https" : "http", to.authority()); }

}  // namespace

Alerts::Alerts(asio::io_context& io, Log& log, std::function<AlertFacts()> facts)
    : io_(io),
      facts_(std::move(facts)),
      throttle_timer_(io),
      daily_timer_(io),
      webhook_("webhook", log, counts_),
      command_("command", log, counts_) {
  // Ignored, as whoever started us may have left it, nobody would learn how a command has ended.
  std::signal(SIGCHLD, SIG_DFL);
}

Alerts::~Alerts() = default;

void Alerts::on_event(const sbc::Event& event) {
  if (event.kind == sbc::EventKind::new_country) asio::post(io_, [this] { keep_countries(); });
  if (!on_) return;
  auto alert = alert_of(event);
  if (!alert) return;
  if (alert->forgeable && alert->kind != AlertKind::emergency_call) {
    ++counts_.held_back;
    return;
  }
  tell(std::move(*alert));
}

void Alerts::tell(Alert alert) {
  if (!on_) return;
  std::atomic<std::size_t>& posted = posted_.at(static_cast<std::size_t>(alert.kind));
  if (posted >= most_posted_of_a_kind) {
    ++counts_.lost;
    return;
  }
  ++posted;
  asio::post(io_, [this, &posted, alert = std::move(alert)]() mutable {
    --posted;
    take(std::move(alert));
  });
}

void Alerts::take(Alert alert) {
  // That the call which was just told proves where it comes from is no news.
  if (!alert.call_id.empty() && alert.call_id == told_call_) return;
  if (auto now = throttle_.admit(std::move(alert), steady_clock::now()))
    send(std::move(*now));
  else
    ++counts_.held_back;
  arm_throttle();
}

void Alerts::send(Alert alert) {
  if (alert.kind == AlertKind::emergency_call) told_call_ = alert.call_id;
  const auto shared = std::make_shared<const Alert>(std::move(alert));
  webhook_.push(shared);
  command_.push(shared);
}

void Alerts::arm_throttle() {
  const auto next = throttle_.next();
  if (!next) return;
  throttle_timer_.expires_at(*next);
  throttle_timer_.async_wait([this](error_code error) {
    if (error) return;
    for (Alert& alert : throttle_.due(steady_clock::now())) send(std::move(alert));
    arm_throttle();
  });
}

void Alerts::apply(const std::optional<AlertOptions>& options) {
  const AlertOptions before = std::exchange(options_, options.value_or(AlertOptions{}));
  use_webhook(options_.webhook);
  use_command(options_.command);
  on_ = webhook_.in_use() || command_.in_use();
  throttle_.set_interval(options_.min_interval);
  arm_throttle();
  if (!on_) {
    daily_timer_.cancel();
    looked_at_.reset();
  } else if (options_ != before || facts_() != looked_at_) {
    look_daily();
  }
}

void Alerts::use_webhook(const std::optional<WebhookOptions>& to) {
  if (!to) return webhook_.use({}, {});
  webhook_.use(shown(*to), [to = *to](const Alert& alert, const std::stop_token& stop) { return post_json(to, alert.json(), stop); });
}

void Alerts::use_command(const std::string& path) {
  if (path.empty()) return command_.use({}, {});
  command_.use(path, [path](const Alert& alert, const std::stop_token& stop) {
    return run_command(path, alert.json(), std::string(info(alert.kind).word), alert.text(), longest_command, stop);
  });
}

/// At what has no event of its own: it comes with the days.
void Alerts::look() {
  const auto now = std::chrono::system_clock::now();
  looked_at_ = facts_();
  const AlertFacts& facts = *looked_at_;
  const auto told = [this](std::optional<Alert> alert) {
    if (alert) take(std::move(*alert));
  };
  for (const CertificateEnd& certificate : facts.certificates) told(certificate_alert(certificate.listener, certificate.not_after, now));
  told(geo_alert("geo.country", facts.countries_built, now));
  told(geo_alert("geo.asn", facts.asns_built, now));
}

void Alerts::look_daily() {
  look();
  daily_timer_.expires_after(between_looks);
  daily_timer_.async_wait([this](error_code error) {
    if (!error) look_daily();
  });
}

void Alerts::remember(sbc::CalledCountries& called, const std::string& folder) {
  called_ = &called;
  folder_ = folder;
  std::istringstream lines(StateFolder::read_whole(folder_, countries_file).value_or(std::string()));
  for (std::string line; std::getline(lines, line);) {
    if (const auto place = acl::CallingPlace::named(line)) static_cast<void>(called.first(*place));
  }
}

/// The disk is waited for on another thread. That it cannot be written is what `event=state` tells of the folder anyway.
void Alerts::keep_countries() {
  if (called_ == nullptr) return;
  std::string text;
  for (const std::string_view word : called_->words()) text.append(word).append("\n");
  if (!writer_) writer_.emplace(1);
  asio::post(*writer_, [folder = folder_, text] { static_cast<void>(StateFolder::write_whole(folder, countries_file, text)); });
}

/// One trial; whoever asked has gone where its answer has been given.
struct Alerts::Trial {
  explicit Trial(asio::io_context& io) : timer(io) {}

  struct Way {
    std::string name, to;
    std::optional<AlertResult> result;
  };
  std::vector<Way> ways;
  asio::steady_timer timer;
  Answer answer;

  void take(std::size_t way, AlertResult result) {
    ways.at(way).result = std::move(result);
    for (const Way& each : ways)
      if (!each.result) return;
    finish();
  }
  void finish() {
    if (!answer) return;
    timer.cancel();
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const Way& each : ways) {
      const std::string result = each.result ? each.result->what : "nothing yet: an alert from before is on its way; try again";
      all.push_back({{"way", each.name}, {"to", each.to}, {"delivered", each.result && each.result->delivered}, {"result", result}});
    }
    std::exchange(answer, {})(whole_answer(all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)));
  }
};

void Alerts::test(const Answer& answer) {
  if (!on_) return answer(refusal("no alerts are configured: `alerts: {webhook: URL, command: PATH}`, then reload"));
  const auto trial = std::make_shared<Trial>(io_);
  trial->answer = answer;
  const auto alert = std::make_shared<const Alert>(test_alert());
  std::vector<AlertWay*> used;
  for (AlertWay* way : {&webhook_, &command_}) {
    if (!way->in_use()) continue;
    trial->ways.push_back({way == &webhook_ ? "webhook" : "command", way->to(), {}});
    used.push_back(way);
  }
  trial->timer.expires_after(longest_trial);
  trial->timer.async_wait([trial](error_code error) {
    if (!error) trial->finish();
  });
  for (std::size_t i = 0; i < used.size(); ++i) {
    used[i]->push(alert,
                  [&io = io_, trial, i](const AlertResult& result) { asio::post(io, [trial, i, result] { trial->take(i, result); }); });
  }
}

}  // namespace postern::net
