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

ReloadRequests::ReloadRequests(boost::asio::io_context& io, std::function<void(const Configuration& before)> go_back)
    : go_back_(std::move(go_back)), timer_(io) {}

bool ReloadRequests::add(const ControlArguments& arguments, const Answer& answer) {
  const std::string given = text_in(arguments, "confirm");
  const std::int64_t seconds = number_in(given);
  const auto refuse = [&](const std::string& why) {
    answer(refusal(why));
    return false;
  };
  if (!given.empty() && (seconds < 1 || seconds > longest_confirmation))
    return refuse(fmt::format("the time to confirm is from one second to {} minutes", longest_confirmation / 60));
  if (before_ != nullptr)
    return refuse(fmt::format("a reload waits to be confirmed until {}: `postern confirm` keeps it; else what held before is back then",
                              time_text(due_)));
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
  if (time.count() > 0) wait_to_go_back(time, before);
  ordered_json answer{{"result", "applied"}, {"changes", changes}, {"confirm_until", nullptr}, {"warnings", json_of(now.warnings)}};
  if (before_ != nullptr) answer["confirm_until"] = time_text(due_);
  tell(answer);
}

void ReloadRequests::refused(const std::vector<FileProblem>& problems) { tell({{"result", "refused"}, {"problems", json_of(problems)}}); }

void ReloadRequests::wait_to_go_back(std::chrono::seconds time, const std::shared_ptr<const Configuration>& before) {
  before_ = before;
  due_ = seconds_now() + time.count();
  timer_.expires_after(time);
  timer_.async_wait([this](boost::system::error_code error) {
    const auto back = error ? nullptr : std::exchange(before_, nullptr);
    if (back != nullptr) go_back_(*back);
  });
}

AnswerPart ReloadRequests::confirm() {
  if (before_ == nullptr) return refusal("nothing waits to be confirmed");
  timer_.cancel();
  before_.reset();
  return whole_answer(ordered_json{{"result", "confirmed"}}.dump());
}

std::optional<std::int64_t> ReloadRequests::confirmation_due() const { return before_ == nullptr ? std::nullopt : std::optional(due_); }

}  // namespace postern::net
