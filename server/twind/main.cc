// twind: the server. Of flags, a file and the environment (TWIND_…) the first that names an
// option counts.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "server/twind/options.h"
#include "server/twind/run.h"
#include "server/twind/usage.h"

int main(int argc, char** argv) {
  twin::twind::Options options;
  CLI::App app;
  twin::twind::DefineOptions(&app, &options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "twind: %s\nSee 'twind --help'.\n",
                 twin::twind::Explain(app, error).c_str());
    return 2;
  }
  if (options.print_config) {
    std::fputs(app.config_to_str(/*default_also=*/true, /*write_description=*/true).c_str(),
               stdout);
    return 0;
  }
  if (options.check_config) {
    std::puts("The configuration is good.");
    return 0;
  }
  return twin::twind::Run(options);
}
