#include <tacit/cli/run/session.hpp>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <tacit/cli/run/warnings.hpp>

namespace tacit {

Session::Session(const Voice& voice, Streams& io) : voice_(voice), io_(io), progress_(io.err, voice.progress) {}
Session::~Session() = default;

void Session::open(RunFolder folder) {
  folder_ = std::move(folder);
  auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file("log.txt").string(), true);
  log_ = std::make_shared<spdlog::logger>("tacit", sink);
  log_->set_pattern("%Y-%m-%dT%H:%M:%S %l %v");
}

void Session::log(const std::string& text) {
  if (log_) log_->info(text);
}

void Session::say(const std::string& text) {
  log(text);
  if (voice_.messages) progress_.message(text);
}

void Session::warn(const Warning& w) {
  const bool first = warnings_.add(w);
  if (log_) log_->warn("[{}] {}: {} {}", w.code, w.context, w.what, w.more);
  if ((first && voice_.warnings) || voice_.every_warning)
    progress_.message(render_warning(w.code, w.context, w.what, w.more, {io_.colour}));
}

void Session::write(const std::string& name, const std::string& content) const { write_atomically(file(name), content); }

std::filesystem::path Session::file(const std::string& name) const { return file_in(folder_, name); }

double Session::seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count(); }

}  // namespace tacit
