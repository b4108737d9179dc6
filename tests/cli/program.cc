#include "tests/cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

namespace rerank {
namespace {

struct Pipe {
  int read_end;
  int write_end;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {ends[0], ends[1]};
}

void close_if_open(int& descriptor) {
  if (descriptor >= 0) close(std::exchange(descriptor, -1));
}

// Does not return from the child.
int start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, int input,
          int output, int error) {
  std::vector<char*> argv = {const_cast<char*>(RERANK_PROGRAM)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const int pid = fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid > 0) return pid;
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(error, STDERR_FILENO);
  for (const std::string& variable : environment) putenv(const_cast<char*>(variable.c_str()));
  execv(RERANK_PROGRAM, argv.data());
  _exit(127);
}

int exit_code(int pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// Appends what comes; false at the end. A terminal whose program has gone reports EIO.
bool read_some(int descriptor, std::string& text) {
  std::array<char, 65536> block{};
  const ssize_t got = read(descriptor, block.data(), block.size());
  if (got <= 0) return got < 0 && errno == EINTR;
  text.append(block.data(), static_cast<std::size_t>(got));
  return true;
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                 const std::string& output_file) {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe input = make_pipe();
  Pipe output = make_pipe();
  Pipe error = make_pipe();
  if (!output_file.empty()) {
    close(output.write_end);
    output.write_end = open(output_file.c_str(), O_WRONLY | O_CLOEXEC);
  }
  pid_ = start(arguments, environment, input.read_end, output.write_end, error.write_end);
  close(input.read_end);
  close(output.write_end);
  close(error.write_end);
  input_ = input.write_end;
  output_ = output.read_end;
  error_ = error.read_end;
}

Program::~Program() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    exit_code(pid_);
  }
  close_input();
  close_output();
  close_if_open(error_);
}

void Program::write(std::string_view input) const {
  while (!input.empty()) {
    const ssize_t written = ::write(input_, input.data(), input.size());
    if (written < 0) return;  // the program refused earlier input and has gone
    input.remove_prefix(static_cast<std::size_t>(written));
  }
}

void Program::close_input() {
  close_if_open(input_);
}

void Program::close_output() {
  close_if_open(output_);
}

std::string Program::read_line() {
  std::string line;
  char letter = 0;
  while (!line.ends_with('\n') && read(output_, &letter, 1) == 1) line += letter;
  return line;
}

void Program::signal(int number) const {
  kill(pid_, number);
}

Outcome Program::finish() {
  close_input();
  Outcome outcome;
  bool out_open = output_ >= 0;
  bool err_open = true;
  while (out_open || err_open) {
    std::array<pollfd, 2> waiting = {pollfd{out_open ? output_ : -1, POLLIN, 0},
                                     pollfd{err_open ? error_ : -1, POLLIN, 0}};
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if (waiting[0].revents != 0) out_open = read_some(output_, outcome.out);
    if (waiting[1].revents != 0) err_open = read_some(error_, outcome.err);
  }
  outcome.exit_code = exit_code(std::exchange(pid_, -1));
  return outcome;
}

Outcome run(const std::vector<std::string>& arguments, std::string_view input,
            const std::vector<std::string>& environment) {
  Program program(arguments, environment);
  program.write(input);
  return program.finish();
}

Outcome run_on_terminal(const std::vector<std::string>& arguments, int columns,
                        const std::vector<std::string>& environment) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
    throw std::runtime_error("posix_openpt");
  int side = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
  winsize size = {};
  size.ws_row = 40;
  size.ws_col = static_cast<unsigned short>(columns);
  ioctl(side, TIOCSWINSZ, &size);
  const int pid = start(arguments, environment, side, side, side);
  close_if_open(side);
  Outcome outcome;
  while (read_some(terminal, outcome.out)) {
  }
  close(terminal);
  outcome.exit_code = exit_code(pid);
  return outcome;
}

bool wait_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace rerank
