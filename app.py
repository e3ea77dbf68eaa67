"""The hosted demo: build the page and serve it."""

from styler.demo.serve import main

if __name__ == "__main__":
    main()
