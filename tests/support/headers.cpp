// Nothing of its own: the target that compiles the precompiled header of the tests needs a source.
