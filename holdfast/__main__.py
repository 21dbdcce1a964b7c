"""Holdfast's command: the app's commands and the lab's rehearsals."""

from holdfast.app.cli import main
from holdfast.lab.demo import demo

main.add_command(demo)

if __name__ == "__main__":
    main()
