// Runs the program as people do: its own process, its exit code, what it wrote, and a terminal where one is
// wanted.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rerank {

struct Outcome {
  int exit_code = -1;  // negative: ended by this signal
  std::string out;
  std::string err;
};

// A running program whose standard input, output and error are pipes. Ends it when it goes out of scope.
class Program {
 public:
  // `environment` holds NAME=VALUE, added to the test's own. `output_file`, if not empty, takes standard
  // output.
  explicit Program(const std::vector<std::string>& arguments,
                   const std::vector<std::string>& environment = {}, const std::string& output_file = "");
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void write(std::string_view input) const;
  void close_input();
  // Waits for one more line of standard output and returns it with its end; "" when there is none.
  std::string read_line();
  // As if nobody read the output any more.
  void close_output();
  void signal(int number) const;
  // Closes the input and waits for the end.
  Outcome finish();

 private:
  int pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  int error_ = -1;
};

// Runs it to its end with `input` as standard input.
Outcome run(const std::vector<std::string>& arguments, std::string_view input = "",
            const std::vector<std::string>& environment = {});

// The same with a terminal of this width as standard output and error, both in `out`.
Outcome run_on_terminal(const std::vector<std::string>& arguments, int columns,
                        const std::vector<std::string>& environment = {});

// Until what another process does is seen, which takes long on a busy machine; false after two minutes.
bool wait_until(const std::function<bool()>& condition);

}  // namespace rerank
