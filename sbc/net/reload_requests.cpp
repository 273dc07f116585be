#include "sbc/net/reload_requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "sbc/net/operator_words.hpp"

namespace postern::net {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t longest_confirmation = 3600;  // seconds
constexpr std::size_t most_problems = 1000;          // of an answer

ordered_json json_of(const std::vector<FileProblem>& problems) {
  ordered_json all = ordered_json::array();
  for (const FileProblem& problem : problems) {
    if (all.size() == most_problems) break;
    all.push_back(
        {{"file", problem.file}, {"line", problem.line}, {"column", problem.column}, {"path", problem.path}, {"message", problem.message}});
  }
  return all;
}

}  // namespace

ReloadRequests::ReloadRequests(boost::asio::io_context& io, GoBack go_back, std::chrono::milliseconds retry)
    : go_back_(std::move(go_back)), retry_(retry), timer_(io) {}

/// Something waits to be confirmed, or will.
bool ReloadRequests::may_go_back() const {
  const auto has_time = [](const Request& request) { return request.confirm.count() > 0; };
  return before_ != nullptr || std::ranges::any_of(asked_, has_time) || std::ranges::any_of(under_way_, has_time);
}

bool ReloadRequests::add(const ControlArguments& arguments, const Answer& answer) {
  const std::string given = text_in(arguments, "confirm");
  const std::int64_t seconds = number_in(given);
  const auto refuse = [&](const std::string& why) {
    answer(refusal(why));
    return false;
  };
  if (!given.empty() && (seconds < 1 || seconds > longest_confirmation))
    return refuse(fmt::format("the time to confirm is from one second to {} minutes", longest_confirmation / 60));
  if (may_go_back()) return refuse("a reload waits to be confirmed: `postern confirm` keeps it; else what held before is back soon");
  asked_.push_back({std::chrono::seconds{seconds}, answer});
  return true;
}

void ReloadRequests::begin() {
  std::ranges::move(asked_, std::back_inserter(under_way_));
  asked_.clear();
}

void ReloadRequests::tell(const ordered_json& answer) {
  const std::string text = answer.dump(-1, ' ', true, ordered_json::error_handler_t::replace);
  for (const Request& request : std::exchange(under_way_, {})) request.answer(whole_answer(text));
}

void ReloadRequests::applied(const std::shared_ptr<const Configuration>& before, const Configuration& now, const std::string& changes) {
  const auto longest = std::ranges::max_element(under_way_, {}, &Request::confirm);
  const auto time = longest == under_way_.end() ? std::chrono::seconds{0} : longest->confirm;
  if (time.count() > 0 && before_ == nullptr) {
    before_ = before;
    due_ = seconds_now() + time.count();
    wait_to_go_back(time);
  }
  ordered_json answer{{"result", "applied"}, {"changes", changes}, {"confirm_until", nullptr}, {"warnings", json_of(now.warnings)}};
  if (before_ != nullptr) answer["confirm_until"] = time_text(due_);
  tell(answer);
}

void ReloadRequests::refused(const std::vector<FileProblem>& problems) { tell({{"result", "refused"}, {"problems", json_of(problems)}}); }

void ReloadRequests::wait_to_go_back(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || before_ == nullptr) return;
    going_back_ = true;
    // Of a reload that is dropped for it nobody hears any more.
    refused({{{}, 1, 1, "(file)", "what was not confirmed is left just now: look what holds, and reload again"}});
    go_back_(before_);
  });
}

void ReloadRequests::went_back() {
  before_.reset();
  going_back_ = false;
  problem_.clear();
}

void ReloadRequests::cannot_go_back(const std::vector<FileProblem>& problems) {
  going_back_ = false;
  problem_ = problems.empty() ? "no memory" : problems.front().message;
  wait_to_go_back(retry_);
}

bool ReloadRequests::confirm() {
  if (before_ == nullptr || going_back_) return false;
  timer_.cancel();
  went_back();
  return true;
}

std::string ReloadRequests::warning() const {
  if (before_ == nullptr) return {};
  if (!problem_.empty()) return fmt::format("cannot go back to what held before ({}): `postern confirm` keeps what holds now", problem_);
  return fmt::format("the configuration goes back to what it was at {} unless `postern confirm` follows", time_text(due_));
}

}  // namespace postern::net
