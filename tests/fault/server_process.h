// A twind that a test starts and kills.
#ifndef TWIN_TESTS_FAULT_SERVER_PROCESS_H_
#define TWIN_TESTS_FAULT_SERVER_PROCESS_H_

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace twin {

inline std::string BinDir() {
  const char* folder = std::getenv("TWIN_BIN_DIR");  // NOLINT(concurrency-mt-unsafe): no thread yet
  TWIN_CHECK(folder != nullptr) << "TWIN_BIN_DIR names the folder of twind";
  return folder;
}

// A twind that this process started.
class ServerProcess {
 public:
  // `retention`: --event-retention-bytes. `more`: further options.
  explicit ServerProcess(const std::string& data_dir, const char* retention = "0",
                         const std::vector<std::string>& more = {}) {
    int out[2];
    TWIN_CHECK(pipe(out) == 0);
    const std::string program = absl::StrCat(BinDir(), "/twind");
    const std::string log = absl::StrCat(data_dir, ".log");
    // Small files and frequent checkpoints: a kill finds them at work.
    std::vector<std::string> words = {"twind",       "--data-dir",
                                      data_dir,      "--listen",
                                      "127.0.0.1:0", "--segment-bytes",
                                      "262144",      "--batch-bytes-max",
                                      "131072",      "--checkpoint-journal-bytes",
                                      "100000",      "--event-retention-bytes",
                                      retention,     "--reserve-bytes",
                                      "65536",       "--history-block-rows",
                                      "32"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = fork();
    TWIN_CHECK(pid_ >= 0);
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      FILE* errors = std::fopen(log.c_str(), "a");
      if (errors != nullptr) dup2(fileno(errors), STDERR_FILENO);
      close(out[0]);
      close(out[1]);
      execv(program.c_str(), arguments.data());
      std::_Exit(127);
    }
    close(out[1]);
    out_ = fdopen(out[0], "r");
  }
  ~ServerProcess() {
    Kill();
    std::fclose(out_);
  }

  // Waits for the line that says the port; 0: the process ended without it.
  int WaitForPort() {
    char line[1024];
    while (std::fgets(line, sizeof(line), out_) != nullptr) {
      const std::string text = line;
      const size_t at = text.find("127.0.0.1:");
      if (at != std::string::npos) return std::atoi(text.c_str() + at + 10);
    }
    return 0;
  }

  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

  // SIGTERM, and the exit code.
  int Stop() {
    kill(pid_, SIGTERM);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  FILE* out_ = nullptr;
};

}  // namespace twin

#endif  // TWIN_TESTS_FAULT_SERVER_PROCESS_H_
