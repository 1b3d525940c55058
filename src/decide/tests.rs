//! Written beside the core: see the modules.
